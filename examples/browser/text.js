// Numbers as people read them, and elements made of them. Text never becomes HTML.

const whole = new Intl.NumberFormat("en");

/** 1234567 as "1,234,567". */
export function grouped(number) {
  return whole.format(number);
}

/** 0 to 999 with up to three digits, then in thousands and millions: "12.3 M". */
export function short(number) {
  for (const [unit, size] of [
    ["M", 1e6],
    ["k", 1e3],
  ]) {
    if (number >= size) return `${(number / size).toPrecision(3)} ${unit}`;
  }
  return number.toPrecision(3);
}

/** Bytes in the unit that fits. */
export function sizeText(bytes) {
  if (bytes < 1e3) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

export function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
