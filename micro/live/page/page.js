"use strict";
const begun = performance.now();
const element = (id) => document.getElementById(id);
const show = (id, text) => { element(id).textContent = text; };
const count = (number) => number.toLocaleString("en");

let networks = [];
const modules = new Map();  // number -> exports of an instance
let net, wasm;              // in use
let codes;                  // of the image that is seen
let camera = null;

// ---- the C

const bytes = (place, length) => new Int8Array(wasm.memory.buffer, place, length);

function text(place) {
  const all = new Uint8Array(wasm.memory.buffer);
  return new TextDecoder().decode(all.subarray(place, all.indexOf(0, place)));
}

function push(image, y) {
  const length = net.width * net.channels;
  bytes(wasm.row(), length).set(image.subarray(y * length, (y + 1) * length));
  return wasm.push();
}

// The outputs of an image, int8 codes. Rows are pushed one after the other. A network with states
// forgets the images before, unless this is the next one of a camera.
function run(image, isNext = false) {
  if (!isNext) wasm.reset();
  for (let y = 0; y < net.height; ++y) push(image, y);
  return bytes(wasm.outputs(), net.output_bytes).slice();
}

// Takes a network into use: a task image, on a module that may have had another task.
async function use(chosen) {
  const image = new Uint8Array(await (await fetch(`task/${chosen.number}`)).arrayBuffer());
  const isSwap = wasm && net && net.module === chosen.module && net !== chosen;
  if (!modules.has(chosen.module)) {
    const made = await WebAssembly.instantiate(await (await fetch(`module/${chosen.module}`)).arrayBuffer());
    modules.set(chosen.module, made.instance.exports);
    if (made.instance.exports.forget) made.instance.exports.forget();
  }
  net = chosen;
  wasm = modules.get(net.module);
  const start = performance.now();
  new Uint8Array(wasm.memory.buffer).set(image, wasm.task());
  const refused = wasm.load();
  if (refused) throw new Error(`the task image was refused: ${text(refused)}`);
  const milliseconds = (performance.now() - start).toFixed(2);
  show("swap", `${isSwap ? "Another task on the same core" : "Task"}: image of ${count(image.length)} bytes loaded in ${milliseconds} ms`);
}

// ---- what is seen

// The codes of what is on the canvas: pixel - 128. Grey is rounded as in training.
function codesOfCanvas(context) {
  const pixels = context.getImageData(0, 0, net.width, net.height).data;
  const made = new Int8Array(net.height * net.width * net.channels);
  for (let i = 0, from = 0; i < made.length; from += 4) {
    const [r, g, b] = [pixels[from], pixels[from + 1], pixels[from + 2]];
    if (net.channels === 1) made[i++] = ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) - 128;
    else { made[i++] = r - 128; made[i++] = g - 128; made[i++] = b - 128; }
  }
  return made;
}

function draw(source, width, height) {
  const context = element("seen").getContext("2d", {willReadFrequently: true});
  let [w, h] = [net.width, net.height];
  if (net.fit === "crop" || net.fit === "pad") {
    const scales = [w / width, h / height];
    const scale = net.fit === "crop" ? Math.max(...scales) : Math.min(...scales);
    [w, h] = [width * scale, height * scale];
  }
  context.fillStyle = "rgb(128, 128, 128)";
  context.fillRect(0, 0, net.width, net.height);
  context.drawImage(source, (net.width - w) / 2, (net.height - h) / 2, w, h);
  return codesOfCanvas(context);
}

function drawCodes(image) {
  const context = element("seen").getContext("2d", {willReadFrequently: true});
  const pixels = context.createImageData(net.width, net.height);
  for (let i = 0; i < net.width * net.height; ++i) {
    for (let c = 0; c < 3; ++c) pixels.data[4 * i + c] = image[i * net.channels + (c % net.channels)] + 128;
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

// ---- what is said

const part = (outputs, output) => outputs.subarray(output.offset, output.offset + output.bytes);
const ofFaces = () => net.outputs.find((output) => output.task === "faces");

function says(outputs) {
  const faces = ofFaces();
  if (faces && wasm.nearest) return whoIs(part(outputs, faces), faces.threshold);
  const first = net.outputs[0], values = part(outputs, first);
  const totals = new Array(first.channels).fill(0);
  values.forEach((code, i) => { totals[i % first.channels] += code; });
  const best = totals.indexOf(Math.max(...totals));
  return first.classes.length ? first.classes[best] : `largest of output 0: value ${best}, code ${values[best]}`;
}

function whoIs(embedding, threshold) {
  bytes(wasm.embedding(), embedding.length).set(embedding);
  const number = wasm.nearest();
  if (number < 0) return "a face; enrol somebody to compare it with";
  const similar = `cosine ${(wasm.cosine() / 16384).toFixed(3)}`;
  const name = text(wasm.person(number));
  return threshold === null || wasm.cosine() >= threshold ? `${name} (${similar})` : `nobody known; ${name} is nearest (${similar})`;
}

// Whether golden, on the local server, gives the same bytes.
async function compare(image, outputs) {
  const answer = await fetch(`golden/${net.number}`, {method: "POST", body: image});
  const golden = new Int8Array(await answer.arrayBuffer());
  const equal = golden.length === outputs.length && golden.every((code, i) => code === outputs[i]);
  show("golden", equal ? `all ${golden.length} bytes equal` : "DIFFERENT");
}

function measure(image) {
  const images = 20, start = performance.now();
  for (let i = 0; i < images; ++i) run(image);
  show("rate", (1000 * images / (performance.now() - start)).toFixed(1));
}

async function see(image, compared = true) {
  codes = image;
  const outputs = run(image, !compared);
  if (!element("first").textContent) show("first", `${(performance.now() - begun).toFixed(0)} ms`);
  show("says", says(outputs));
  drawRows(true);
  if (compared) await compare(image, outputs);
}

// ---- rows in memory

// isComplete: the engine has begun to count for the next image.
function drawRows(isComplete) {
  const canvas = element("rows");
  [canvas.width, canvas.height] = [480, 400];
  const lane = canvas.height / net.rows.length;
  const counted = new Uint16Array(wasm.memory.buffer, wasm.made(), net.rows.length);
  const made = isComplete ? net.rows.map((tensor) => tensor.height) : counted;
  const style = getComputedStyle(document.documentElement), context = canvas.getContext("2d");
  net.rows.forEach((tensor, i) => {
    const row = canvas.width / tensor.height, kept = Math.min(tensor.kept, made[i]);
    context.fillStyle = style.getPropertyValue("--filled");
    context.fillRect(0, lane * i, row * made[i], 0.8 * lane);
    context.fillStyle = style.getPropertyValue("--kept");
    context.fillRect(row * (made[i] - kept), lane * i, row * kept, 0.8 * lane);
  });
}

async function rowByRow() {
  for (let y = 0; y < net.height; ++y) {
    drawRows(push(codes, y) === 1);
    await new Promise(requestAnimationFrame);
  }
}

// ---- networks

function list() {
  element("networks").replaceChildren(...networks.map((each) => {
    const button = document.createElement("button");
    button.textContent = each.name;
    button.setAttribute("aria-pressed", each === net);
    button.addEventListener("click", () => open(each).catch(failed));
    return button;
  }));
}

function describe() {
  document.title = `${net.name} live`;
  show("name", net.name);
  show("kernels", text(wasm.kernels()));
  show("ram", `${count(net.ram)} bytes`);
  show("flash", `${count(net.flash)} bytes`);
  show("macs", count(net.macs));
  show("fits", `fits on ${net.boards.filter((board) => board.fits).length} of ${net.boards.length} boards`);
  element("boards").replaceChildren(...net.boards.map((board) => {
    const row = document.createElement("tr");
    row.className = board.fits ? "yes" : "no";
    for (const cell of [board.name, board.fits ? "fits" : "does not fit", board.reason]) row.insertCell().textContent = cell;
    return row;
  }));
  element("people").hidden = !(ofFaces() && wasm.enrol);
}

async function open(chosen) {
  const same = net && chosen.width === net.width && chosen.height === net.height && chosen.channels === net.channels;
  await use(chosen);
  const canvas = element("seen");
  if (!same) [canvas.width, canvas.height] = [net.width, net.height];
  const image = same ? codes : Int8Array.from(net.vector);
  if (!same) drawCodes(image);
  list();
  describe();
  await see(image);
}

async function takeModel(file) {
  const answer = await fetch(`compile?name=${encodeURIComponent(file.name)}`, {method: "POST", body: file});
  if (!answer.ok) throw new Error(await answer.text());
  networks.push(await answer.json());
  await open(networks[networks.length - 1]);
}

async function take(files) {
  for (const file of files) {
    if (file.name.endsWith(".tflite")) await takeModel(file);
    else {
      const picture = await createImageBitmap(file);
      await see(draw(picture, picture.width, picture.height));
    }
  }
}

const failed = (error) => show("says", `failed: ${error.message}`);

// ---- controls

element("rows").addEventListener("mousemove", (event) => {
  const tensor = net.rows[Math.floor(event.offsetY / event.target.clientHeight * net.rows.length)];
  if (tensor) show("tensor", `${tensor.name}: ${tensor.kept} of ${tensor.height} rows kept`);
});

element("file").addEventListener("change", (event) => take(event.target.files).catch(failed));
element("slow").addEventListener("click", () => rowByRow().catch(failed));

document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
document.addEventListener("dragleave", () => document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  take(event.dataTransfer.files).catch(failed);
});

element("people").addEventListener("submit", (event) => {
  event.preventDefault();
  const embedding = part(run(codes), ofFaces());
  const name = new TextEncoder().encode(element("person").value);
  bytes(wasm.name(), name.length + 1).set([...name, 0]);
  bytes(wasm.embedding(), embedding.length).set(embedding);
  const number = wasm.enrol();
  show("known", number < 0 ? `not enrolled: code ${number} of sf_people.h` : `${text(wasm.person(number))} is person ${number + 1}`);
  show("says", says(run(codes)));
});

element("camera").addEventListener("click", async () => {
  if (camera) {
    camera.getTracks().forEach((track) => track.stop());
    camera = null;
    show("camera", "Camera");
    return;
  }
  try {
    camera = await navigator.mediaDevices.getUserMedia({video: true});
  } catch (error) {
    failed(error);
    return;
  }
  show("camera", "Stop");
  show("golden", "pictures only");
  const video = document.createElement("video");
  video.srcObject = camera;
  await video.play();
  let last = performance.now();
  const frame = () => {
    if (!camera) return;
    see(draw(video, video.videoWidth, video.videoHeight), false);
    const now = performance.now();
    show("rate", (1000 / (now - last)).toFixed(1));
    last = now;
    requestAnimationFrame(frame);
  };
  frame();
});

(async () => {
  networks = await (await fetch("networks.json")).json();
  await open(networks[0]);
  measure(codes);
})().catch(failed);
