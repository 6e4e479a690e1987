#version 330
in vec3 pos; uniform mat4 to_clip;
void main() { gl_Position = to_clip * vec4(pos, 1); }
