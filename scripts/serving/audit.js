// What is wrong with the page as it is shown: contrast, size of targets, names, width. A list of texts.
(() => {
  const found = [];
  const name = (element) => `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}.${element.className}`;
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })
    && !element.closest(".unseen") && !element.closest(".skip");

  // WCAG 2.2, relative luminance and contrast ratio.
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const blend = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a), a: 1,
  });
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color.a === 1) break;
    }
    return layers.reverse().reduce((under, top) => blend(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };

  const modal = document.querySelector("dialog[open]");
  for (const element of (modal ?? document.body).querySelectorAll("*")) {
    if (!shown(element)) continue;
    const style = getComputedStyle(element);
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
      || ["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName);
    if (hasText && !element.disabled) {
      const under = background(element);
      const ratio = contrast(blend(parse(style.color), under), under);
      const text = element.textContent.trim().slice(0, 30);
      if (ratio < 4.5) found.push(`contrast ${ratio.toFixed(2)}: ${name(element)} "${text}"`);
    }
    if (element.matches("input:not([type=checkbox]), select, textarea")) {
      const ratio = contrast(parse(style.borderTopColor), background(element.parentElement));
      if (ratio < 3) found.push(`edge ${ratio.toFixed(2)}: ${name(element)}`);
    }
    if (element.matches("button, a, input:not([type=checkbox]), select, label.check")) {
      const { width, height } = element.getBoundingClientRect();
      if (Math.min(width, height) < 24) found.push(`target of ${width} x ${height} px: ${name(element)}`);
    }
    if (element.matches("img[src]") && !element.alt) found.push(`no text: ${name(element)}`);
    const box = element.getBoundingClientRect();
    if (box.right > innerWidth + 0.5) found.push(`beyond the right edge: ${name(element)}`);
  }
  const wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth) found.push(`scrolls sideways: ${wide} px of ${innerWidth}`);
  return found;
})()
