#version 330
// Head in world units (10 cm). `rest` is the base mesh's own position: paint is pinned to it and moves with the skin.
in vec3 pos; in vec3 nrm; in vec3 rest; in vec2 uv; in float part; in float sky;
uniform mat4 to_clip; uniform mat4 to_light;
out vec3 at; out vec3 normal; out vec3 home; out vec2 chart; out float openness; flat out float kind; out vec4 lit_at;
void main() {
  gl_Position = to_clip * vec4(pos, 1);
  at = pos; normal = nrm; home = rest; chart = uv; openness = sky; kind = part; lit_at = to_light * vec4(pos, 1);
}
