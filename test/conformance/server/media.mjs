// The smallest files of their kind.
export const text = (value) => ({ content: [{ type: 'text', text: value }] });

/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
export const PIXEL = { type: 'image', mimeType: 'image/png', data: PNG };

/** A wave file without a sample. */
const WAV = Buffer.from(
  'RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data\0\0\0\0',
  'latin1',
);
export const SILENCE = { type: 'audio', mimeType: 'audio/wav', data: WAV.toString('base64') };
