// ------------------------------------------------------------ recordings
function player(row) {
  if (!row.audio) return el("span", { class: "quiet" }, "not in this page");
  if (row.audio.missing) return el("span", { class: "quiet" }, `no audio: ${row.audio.missing}`);
  const sound = el("audio", { controls: true, preload: "none", src: address(row.audio), "aria-label": `${row.file}: ${row.truth}, predicted ${row.prediction}` });
  const quiet = el("span", { class: "quiet", hidden: true }, "this recording cannot be played here");
  sound.addEventListener("error", () => { sound.hidden = true; quiet.hidden = false; });
  return el("div", null, spectrogram(row), sound, quiet, row.audio.note ? el("span", { class: "quiet" }, row.audio.note) : null);
}


// A spectrogram of what the page carries; computed when it comes into view.
const SIZE = 512, COLUMNS = 240, LINES = 64, DECIBELS = 70, RATE = 16000;
const watched = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((found) => found.isIntersecting)) {
    watched.unobserve(entry.target);
    const store = document.getElementById(`f${entry.target.dataset.sound}`);
    paint(entry.target, store.textContent).catch(() => entry.target.remove());
  }
});

function spectrogram(row) {
  if (!row.audio || !row.audio.file) return null;
  const canvas = el("canvas", { class: "spectrogram", width: COLUMNS, height: LINES, role: "img", "aria-label": `spectrogram of ${row.file}`, "data-sound": row.audio.file });
  watched.observe(canvas);
  return canvas;
}

async function paint(canvas, text) {
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(unpacked(text).buffer);
  const powers = spectrum(sound.getChannelData(0));
  const loudest = powers.reduce((most, value) => Math.max(most, value), -Infinity);
  const context = canvas.getContext("2d"), image = context.createImageData(COLUMNS, LINES);
  for (let x = 0; x < COLUMNS; x++)
    for (let y = 0; y < LINES; y++) {
      // The darker, the louder; high frequencies above.
      const grey = 255 * Math.min(1, (loudest - powers[x * LINES + (LINES - 1 - y)]) / DECIBELS);
      image.data.set([grey, grey, grey, 255], 4 * (y * COLUMNS + x));
    }
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `${canvas.getAttribute("aria-label")}: 0 to ${RATE / 2000} kHz, ${num(sound.duration)} s`);
}

// Decibels of each column, from low frequencies to high.
function spectrum(signal) {
  const found = new Float32Array(COLUMNS * LINES), width = SIZE / 2 / LINES;
  const real = new Float64Array(SIZE), imaginary = new Float64Array(SIZE);
  for (let column = 0; column < COLUMNS; column++) {
    const start = Math.round((column * Math.max(0, signal.length - SIZE)) / (COLUMNS - 1));
    for (let i = 0; i < SIZE; i++) real[i] = (signal[start + i] || 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
    imaginary.fill(0);
    transform(real, imaginary);
    for (let line = 0; line < LINES; line++) {
      let power = 1e-12;
      for (let i = line * width; i < (line + 1) * width; i++) power += real[i] ** 2 + imaginary[i] ** 2;
      found[column * LINES + line] = 10 * Math.log10(power);
    }
  }
  return found;
}

// Fast Fourier transform in place, of a power of two.
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2)
    for (let k = 0; k < size / 2; k++) {
      const cosine = Math.cos((-2 * Math.PI * k) / size), sine = Math.sin((-2 * Math.PI * k) / size);
      for (let a = k; a < n; a += size) {
        const b = a + size / 2;
        const r = real[b] * cosine - imaginary[b] * sine, i = real[b] * sine + imaginary[b] * cosine;
        real[b] = real[a] - r;
        imaginary[b] = imaginary[a] - i;
        real[a] += r;
        imaginary[a] += i;
      }
    }
}
