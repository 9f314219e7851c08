// Meshes that turn, before the still that browsers without scripts or WebGL show. It reads a GLB that
// has everything in itself: triangles, normals, one colour or texture per material.
import { mul, perspective, placed, turned } from "./matrix.js";

const TYPES = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const SIZES = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };
const VERTEX = `#version 300 es
in vec3 position; in vec3 normal; in vec2 uv; in vec4 tint;
uniform mat4 camera, model;
out vec3 facing; out vec2 at; out vec4 colour;
void main() {
  facing = mat3(model) * normal; at = uv; colour = tint;
  gl_Position = camera * model * vec4(position, 1.0);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 facing; in vec2 at; in vec4 colour;
uniform sampler2D picture; uniform vec4 base;
out vec4 shown;
void main() {
  float light = 0.45 + 0.7 * max(dot(normalize(facing), normalize(vec3(-0.45, 0.75, 0.6))), 0.0);
  shown = vec4((texture(picture, at) * colour * base).rgb * light, 1.0);
}`;

export function showMeshes(root = document) {
  for (const box of root.querySelectorAll("[data-mesh]:not([data-shown])")) {
    box.dataset.shown = "";
    show(box).catch(() => box.querySelector("canvas")?.remove()); // the still stays
  }
}

async function show(box) {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
  if (!gl) return;
  const answer = await fetch(box.dataset.mesh);
  if (!answer.ok) return;
  const scene = await read(await answer.arrayBuffer());
  const draw = prepared(gl, scene);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", box.dataset.meshLabel);
  const view = { turn: -0.56, tilt: 0.31, turns: !matchMedia("(prefers-reduced-motion: reduce)").matches };
  steer(canvas, view);
  box.append(canvas);
  keepDrawing(canvas, gl, view, draw);
}

function keepDrawing(canvas, gl, view, draw) {
  let before = null;
  function frame(now) {
    if (!canvas.isConnected) {
      canvas.width = canvas.height = 1; // lets go of its memory
      return;
    }
    if (view.turns && before !== null) view.turn += Math.min(100, now - before) * 0.0006;
    before = now;
    const side = Math.round(canvas.clientWidth * Math.min(2, devicePixelRatio));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    draw(view);
    canvas.dataset.turn = view.turn.toFixed(3);
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

function steer(canvas, view) {
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    last = event;
    view.turns = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    view.turn += (event.clientX - last.clientX) * 0.01;
    view.tilt = Math.max(-1.5, Math.min(1.5, view.tilt + (event.clientY - last.clientY) * 0.01));
    last = event;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = null));
  const keys = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  canvas.addEventListener("keydown", (event) => {
    const [turn, tilt] = keys[event.key] ?? [0, 0];
    if (!keys[event.key] && event.key !== " ") return;
    event.preventDefault();
    view.turns = event.key === " " ? !view.turns : false;
    view.turn += turn;
    view.tilt = Math.max(-1.5, Math.min(1.5, view.tilt + tilt));
  });
}

// Returns the parts of a GLB with their places, and its bounds.
async function read(buffer) {
  const bytes = new DataView(buffer);
  const length = bytes.getUint32(12, true);
  const tree = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const begin = 28 + length;
  const view = (number) => tree.bufferViews[number];
  function values(number) {
    const { bufferView, byteOffset = 0, componentType, type, count } = tree.accessors[number];
    const { byteOffset: at = 0, byteStride } = view(bufferView);
    const [Type, size] = [TYPES[componentType], SIZES[type]];
    const start = begin + at + byteOffset;
    if (!byteStride || byteStride === size * Type.BYTES_PER_ELEMENT)
      return new Type(buffer.slice(start, start + count * size * Type.BYTES_PER_ELEMENT));
    const spread = new Type(count * size);
    for (let one = 0; one < count; one += 1) {
      const from = start + one * byteStride;
      spread.set(new Type(buffer.slice(from, from + size * Type.BYTES_PER_ELEMENT)), one * size);
    }
    return spread;
  }
  async function picture(texture) {
    const { bufferView, mimeType } = tree.images[tree.textures[texture.index].source];
    const { byteOffset = 0, byteLength } = view(bufferView);
    const content = new Uint8Array(buffer, begin + byteOffset, byteLength);
    return createImageBitmap(new Blob([content], { type: mimeType }));
  }
  const parts = [];
  async function walk(number, above) {
    const node = tree.nodes[number];
    const model = mul(above, placed(node));
    for (const { attributes, indices, material } of tree.meshes?.[node.mesh]?.primitives ?? []) {
      const look = tree.materials?.[material]?.pbrMetallicRoughness ?? {};
      const named = (name) => (attributes[name] === undefined ? null : values(attributes[name]));
      const tint = named("COLOR_0");
      parts.push({
        model,
        position: values(attributes.POSITION),
        normal: named("NORMAL"),
        uv: named("TEXCOORD_0"),
        tint,
        tintSize: tint ? SIZES[tree.accessors[attributes.COLOR_0].type] : 4,
        indices: indices === undefined ? null : Uint32Array.from(values(indices)),
        base: look.baseColorFactor ?? [1, 1, 1, 1],
        picture: look.baseColorTexture ? await picture(look.baseColorTexture) : null,
      });
    }
    for (const child of node.children ?? []) await walk(child, model);
  }
  for (const root of tree.scenes[tree.scene ?? 0].nodes) await walk(root, placed({}));
  return { parts, ...bounds(parts) };
}

function bounds(parts) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const { position, model } of parts) {
    for (let one = 0; one < position.length; one += 3) {
      for (let axis = 0; axis < 3; axis += 1) {
        const value =
          model[axis] * position[one] + model[4 + axis] * position[one + 1] + model[8 + axis] * position[one + 2] + model[12 + axis];
        low[axis] = Math.min(low[axis], value);
        high[axis] = Math.max(high[axis], value);
      }
    }
  }
  const centre = low.map((value, axis) => (value + high[axis]) / 2);
  return { centre, radius: Math.hypot(...high.map((value, axis) => value - low[axis])) / 2 || 1 };
}

// Returns the function that draws the scene from a side.
function prepared(gl, { parts, centre, radius }) {
  const program = linked(gl);
  const drawn = parts.map((part) => uploaded(gl, program, part));
  const place = (name) => gl.getUniformLocation(program, name);
  const [camera, model, base] = ["camera", "model", "base"].map(place);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.11, 0.118, 0.141, 1);
  return (view) => {
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(program);
    gl.uniformMatrix4fv(camera, false, perspective(radius));
    const turn = turned(view.turn, view.tilt, centre);
    for (const { array, count, texture, hasIndices, part } of drawn) {
      gl.bindVertexArray(array);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniformMatrix4fv(model, false, mul(turn, part.model));
      gl.uniform4fv(base, part.base);
      if (hasIndices) gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
      else gl.drawArrays(gl.TRIANGLES, 0, count);
    }
  };
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

function uploaded(gl, program, part) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  const kinds = { position: [3, gl.FLOAT, false], normal: [3, gl.FLOAT, false], uv: [2, gl.FLOAT, false] };
  kinds.tint = [part.tintSize, part.tint instanceof Float32Array ? gl.FLOAT : gl.UNSIGNED_BYTE, true];
  const fallback = { normal: [0, 0, 1], uv: [0, 0], tint: [1, 1, 1, 1] };
  for (const [name, [size, type, normalized]] of Object.entries(kinds)) {
    const index = gl.getAttribLocation(program, name);
    if (!part[name]) {
      const [x, y = 0, z = 0, w = 1] = fallback[name];
      gl.vertexAttrib4f(index, x, y, z, w);
      continue;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, part[name], gl.STATIC_DRAW);
    gl.enableVertexAttribArray(index);
    gl.vertexAttribPointer(index, size, type, normalized, 0, 0);
  }
  if (part.indices) {
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, part.indices, gl.STATIC_DRAW);
  }
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  if (part.picture) {
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, part.picture);
    gl.generateMipmap(gl.TEXTURE_2D);
  } else {
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array([255, 255, 255, 255]));
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  }
  const count = part.indices ? part.indices.length : part.position.length / 3;
  return { array, count, texture, hasIndices: Boolean(part.indices), part };
}
