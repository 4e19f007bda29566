// Draws what a terminal showed as an SVG picture: npm run --silent demo | node tools/picture.mjs > docs/demo.svg
import { readFileSync } from 'node:fs';

const lineHeight = 17;
const characterWidth = 7.25;
const margin = 16;
const longestLine = 118;

/** Colour by what the line is: a step, a tick, a cross, a command; everything else is what the command printed. */
const styles = [
  [/^\s*\d+\/\d+ {2}/, 'step'],
  [/^\s*✓/, 'held'],
  [/^\s*✗/, 'broken'],
  [/^\s*\[root@/, 'command'],
  [/^\s*·/, 'action'],
];

const css = `text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}
.step{fill:#fff;font-weight:bold}.held{fill:#56d364}.broken{fill:#f85149}.command{fill:#79c0ff}.action{fill:#8b949e}`;

function markup(text) {
  return text.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]);
}

function draw(lines) {
  const width = Math.ceil(2 * margin + characterWidth * Math.max(60, ...lines.map((line) => line.length)));
  const height = 2 * margin + lineHeight * lines.length;
  const texts = lines.map((line, index) => {
    const style = styles.find(([pattern]) => pattern.test(line))?.[1];
    const attributes = style ? ` class="${style}"` : '';
    return `<text x="${margin}" y="${margin + lineHeight * (index + 0.75)}" xml:space="preserve"${attributes}>${markup(line)}</text>`;
  });
  const shape = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${shape} role="img" aria-label="A recording of npm run demo">
<style>${css}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.filter((_, index) => lines[index] !== '').join('\n')}
</svg>
`;
}

/** Escape sequences of a terminal; stripped, because a picture has its own colours. */
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const text = readFileSync(0, 'utf8')
  .replace(escapes, '')
  .replace(/^.*\r(?!\n)/gm, '');
const lines = text
  .trimEnd()
  .split('\n')
  .map((line) => (line.length > longestLine ? `${line.slice(0, longestLine - 1)}…` : line));
process.stdout.write(draw(lines));
