// Runs inside a page that draws plots, and so may use nothing from outside of this function.

/** What is wrong with how it looks, in words, and how many plots there are. */
export function layout() {
  const faults = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`);
  const fetched = performance.getEntriesByType('resource').map(({ name }) => name);
  if (fetched.length > 0) faults.push(`it fetches ${fetched.join(' ')}`);
  const box = (element) => element.getBoundingClientRect();
  // Edges may share a pixel.
  const sticksOut = (inner, outer) => inner.left < outer.left - 1 || inner.right > outer.right + 1
    || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  // Above and below its digits a font leaves room.
  const ink = (word) => {
    const { left, right, top, bottom, height } = box(word);
    return { left, right, top: top + height / 4, bottom: bottom - height / 4 };
  };
  const overlap = (one, other) => one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom;
  const figures = [...document.querySelectorAll('figure')];
  for (const figure of figures) {
    const tell = (fault) => faults.push(`${figure.querySelector('figcaption').textContent}: ${fault}`);
    const plot = figure.querySelector('svg');
    const frame = box(plot);
    if (frame.width < 200 || frame.height < 90) tell(`is ${frame.width} by ${frame.height}`);
    const words = [...plot.querySelectorAll('text')];
    const marks = [...plot.querySelectorAll('.a, .b')];
    if (marks.length === 0) tell('shows nothing');
    if (marks.some((mark) => sticksOut(box(mark), frame))) tell('draws beyond its frame');
    words.forEach((word, at) => {
      if (sticksOut(box(word), frame)) tell(`cuts ${word.textContent} off`);
      const other = words.slice(at + 1).find((other) => overlap(ink(word), ink(other)));
      if (other) tell(`writes ${word.textContent} over ${other.textContent}`);
    });
  }
  return { faults, figures: figures.length };
}
