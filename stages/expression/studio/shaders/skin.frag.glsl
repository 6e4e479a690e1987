#version 330
// Skin, brows, lips, lashes, eyes, teeth and hair painted by position on the base mesh, lit by one key light with
// shadows and a sky. Every colour is linear light; the result is sRGB-like.
in vec3 at; in vec3 normal; in vec3 home; in vec2 chart; in float openness; flat in float kind; in vec4 lit_at;
out vec4 colour;
uniform sampler2D lips; uniform sampler2D inside; uniform sampler2DShadow shadow;
uniform vec3 eye; uniform vec3 skin; uniform vec3 hair; uniform vec3 iris; uniform vec3 lip; uniform vec3 shirt;
uniform vec3 key_from; uniform float key; uniform float ambient;
uniform vec4 brow; uniform float stubble; uniform float seed; uniform float hairline;
uniform vec3 left_eye;  // rest centre of the performer's left eyeball
const int GROOVES = 23;
uniform vec4 groove[GROOVES]; uniform float groove_width[GROOVES]; uniform vec2 groove_depth[GROOVES]; uniform mat3 turn;

float speck(vec3 p) { p = fract(p * .3183099 + .1 + seed * .013); p *= 17.; return fract(p.x * p.y * p.z * (p.x + p.y + p.z)); }
float noise(vec3 x) {
  vec3 i = floor(x), f = fract(x); f = f * f * (3. - 2. * f);
  vec2 o = vec2(0, 1);
  vec4 low = vec4(speck(i), speck(i + o.yxx), speck(i + o.xyx), speck(i + o.yyx));
  vec4 high = vec4(speck(i + o.xxy), speck(i + o.yxy), speck(i + o.xyy), speck(i + o.yyy));
  vec4 l = mix(low, high, f.z);
  return mix(mix(l.x, l.y, f.x), mix(l.z, l.w, f.x), f.y);
}
float clouds(vec3 p) { return .5 * noise(p) + .25 * noise(p * 2.03) + .125 * noise(p * 4.1) + .0625 * noise(p * 8.2); }
float hill(float x, float width) { return exp(-pow(x / width, 2.)); }

vec3 face(vec3 r, inout float shine, inout float gloss) {
  float ax = abs(r.x), ex = abs(left_eye.x), ey = left_eye.y;
  float broad = clouds(r * 6.) - .47, fine = clouds(r * 60.) - .47, pores = noise(r * 170.) - .5;
  vec3 c = skin * (1. + .20 * broad + .16 * fine + .06 * pores);
  float red = hill(ax - ex * 1.15, .22) * hill(r.y - ey + .42, .2) + .8 * hill(r.x, .13) * hill(r.y - ey + .42, .13);
  c *= mix(vec3(1), vec3(1.04, .84, .82), clamp(red, 0., 1.) * step(.9, r.z));
  float socket = length(vec2((ax - ex) / .24, (r.y - ey) / .17));
  c *= mix(vec3(.80, .72, .72), vec3(1), smoothstep(.35, 1.15, socket) * .85 + .15 * step(1.15, socket));
  if (r.z > .6 && socket < 2.) c *= 1. - .30 * hill(socket - .62, .10) * step(ey - .02, r.y);
  float beard = smoothstep(ey - .62, ey - .85, r.y) * step(.5, r.z) * smoothstep(ey - 1.6, ey - 1.25, r.y);
  c *= mix(vec3(1), vec3(.72, .74, .78), stubble * beard * (.6 + .8 * noise(r * 140.)));
  float on_lip = texture(lips, chart).r;
  c = mix(c, lip * (1. + .25 * fine + .1 * broad), on_lip * .85);
  shine = mix(shine, .45, on_lip); gloss = mix(gloss, 40., on_lip);
  c = mix(c, vec3(.30, .09, .08), texture(inside, chart).r);
  float along = (ax - ex * .42) / (ex * 1.30);
  float ridge = ey + .175 + mix(brow.y, brow.z, clamp(along, 0., 1.)) + .085 * sin(clamp(along, 0., 1.) * 2.2) - .05 * along;
  float thick = brow.x * mix(1., .35, smoothstep(.45, 1., along)) * smoothstep(-.02, .08, along);
  float strand = noise(vec3((ax + (r.y - ridge) * .9) * 95., r.y * 14., r.z * 6.));
  float haired = smoothstep(1.25, .35, abs(r.y - ridge) / max(thick, 1e-3) + .55 * (strand - .5));
  haired *= step(0., along) * smoothstep(1.05, .92, along) * step(.7, r.z);
  c = mix(c, hair * (.7 + .7 * strand), haired * .93 * brow.w); shine *= 1. - .8 * haired;
  float edge = hairline + .05 * (noise(vec3(r.x * 14., 2., 3.)) - .5) - .10 * pow(ax / .55, 2.);
  float back = smoothstep(.62, .38, r.z - .25 * max(r.y - ey, 0.)) * smoothstep(ey - .55, ey - .25, r.y);
  back *= 1. - step(.72, ax) * step(r.y, ey + .12);
  float scalp = clamp(smoothstep(edge - .03, edge + .05, r.y) + back, 0., 1.);
  c = mix(c, hair * (.55 + .9 * noise(vec3(r.x * 60., r.y * 9., r.z * 40.))), scalp); shine = mix(shine, .25, scalp);
  if (r.y < ey - 1.62 - .18 * (1. - smoothstep(.0, .9, ax))) { c = shirt * (1. + .12 * (noise(r * 40.) - .5)); shine = .02; }
  return c;
}

// Slope of the skin across the grooves (x, y) and how deep in them (z): lines on the base mesh, Gaussian in profile.
vec3 wrinkled(vec3 r) {
  vec3 sum = vec3(0); vec2 p = vec2(abs(r.x), r.y);
  for (int i = 0; i < GROOVES; i++) {
    float depth = r.x > 0. ? groove_depth[i].x : groove_depth[i].y;
    if (depth == 0.) continue;
    vec2 a = groove[i].xy, along = groove[i].zw - a, off = p - a;
    float t = dot(off, along) / dot(along, along);
    vec2 across = off - clamp(t, 0., 1.) * along;
    float w = groove_width[i], profile = exp(-dot(across, across) / (w * w)) * (1. - smoothstep(.6, 1., abs(2. * t - 1.)));
    sum += depth * profile * vec3(2. * across / (w * w) * vec2(sign(r.x), 1), 1. / .014);
  }
  return sum;
}

vec3 eyeball(vec3 r, inout float shine, inout float gloss) {
  vec3 d = normalize(r - left_eye * vec3(sign(r.x), 1, 1));
  float off = acos(clamp(d.z, -1., 1.));
  vec3 c = vec3(.80, .77, .74) * (1. - .25 * smoothstep(.5, 1.1, off)) * mix(vec3(1), vec3(1., .86, .84), smoothstep(.7, 1.2, off));
  vec3 ring = iris * (.7 + .6 * noise(vec3(atan(d.y, d.x) * 9., off * 12., 1.))) * mix(1., .35, smoothstep(.36, .44, off));
  c = mix(c, ring, smoothstep(.455, .435, off));
  shine = 1.2; gloss = 180.;
  return mix(c, vec3(.01), smoothstep(.19, .165, off));
}

vec3 lighting(vec3 albedo, vec3 n, float shine, float gloss) {
  vec3 q = lit_at.xyz / lit_at.w * .5 + .5; float s = 0.;
  for (int i = -1; i <= 1; i++) for (int j = -1; j <= 1; j++) s += texture(shadow, vec3(q.xy + vec2(i, j) * .0022, q.z - .004)) / 9.;
  vec3 v = normalize(eye - at), l = normalize(key_from), wrap = vec3(.28, .12, .08);
  vec3 diffuse = clamp((vec3(dot(n, l)) + wrap) / (1. + wrap), 0., 1.) * mix(vec3(.10, .04, .03) * step(kind, .5), vec3(1), s) * key;
  float open = pow(openness, 1.25), fill = clamp(dot(n, normalize(vec3(.7, .1, .6))) * .5 + .5, 0., 1.);
  vec3 around = (mix(vec3(.42, .36, .34), vec3(.95, 1., 1.08), n.y * .5 + .5) + vec3(.9, .95, 1.) * fill * .22) * ambient * open;
  vec3 mirror = vec3(.9) * shine * pow(max(dot(n, normalize(l + v)), 0.), gloss) * s * key;
  vec3 rim = vec3(.8, .9, 1.) * pow(1. - max(dot(n, v), 0.), 4.) * .10 * open * ambient;
  return albedo * (diffuse * mix(.55, 1., open) + around) + mirror + rim;
}

void main() {
  vec3 n = normalize(normal); if (dot(n, eye - at) < 0.) n = -n;
  float shine = .18, gloss = 22.; vec3 albedo;
  if (kind < .5) {
    albedo = face(home, shine, gloss);
    if (home.z > .8) {
      vec3 bent = wrinkled(home);
      n = normalize(n - turn * vec3(bent.xy, 0));
      albedo *= 1. - min(.2 * bent.z, .4);
    }
  }
  else if (kind < 1.5) albedo = eyeball(home, shine, gloss);
  else if (kind < 2.5) { albedo = vec3(.78, .74, .66); shine = .5; gloss = 60.; }
  else if (kind < 3.5) albedo = vec3(.55, .20, .19);
  else {  // lashes
    if (home.y < left_eye.y + .02 || noise(vec3(home.x * 260., home.y * 9., home.z * 9.)) < .45) discard;
    albedo = vec3(.05, .035, .03); shine = 0.;
  }
  vec3 c = lighting(albedo, n, shine, gloss);
  c = c * (1. + c * .10) / (1. + c * .45);
  colour = vec4(pow(clamp(c, 0., 1.), vec3(1. / 2.2)), 1);
}
