/**
 * Reads JPEG files through jpeg-js, and turns them as the camera was held. The markers are walked first
 * (ITU-T T.81, annex B): a file without its end, of a form that the decoder cannot read or of an absurd size is
 * refused by name before memory is taken for it.
 */
import { decode } from 'jpeg-js';
import type { Pixels } from '../../vae/data/image.js';
import { readOrientation, turn } from './orientation.js';
import { brokenPicture, checkPictureSize } from './picture.js';

/** Most pictures have 1, progressive ones about 10; each costs a pass over all pixels. */
const maxScans = 100;

const marker = { startOfScan: 0xda, end: 0xd9, application1: 0xe1, temporary: 0x01 } as const;

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
}

/**
 * Decodes a JPEG file, baseline or progressive, grey or colour.
 *
 * @param path what error messages open with
 * @returns `u8[height, width, 3]`, turned as its EXIF orientation says
 * @throws DataError for a file that is cut short, damaged, too large, CMYK, or of a form that is not read
 */
export function decodeJpeg(bytes: Buffer, path: string): Pixels {
  const { orientation } = readFrame(bytes, path);
  try {
    const options = { maxResolutionInMP: 40, maxMemoryUsageInMB: 2048 };
    const picture = decode(bytes, {
      ...options,
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
    });
    return turn(picture, orientation);
  } catch (cause) {
    throw brokenPicture(path, `the JPEG file is damaged (${(cause as Error).message})`, cause);
  }
}

/** Walks from marker to marker to the end of the picture. */
function readFrame(bytes: Buffer, path: string): Frame {
  let frame: { width: number; height: number } | undefined;
  let orientation = 1;
  let scans = 0;
  let at = 2;
  for (;;) {
    const { code, data, end } = nextSegment(bytes, at, path);
    if (code === marker.end) break;
    if (isFrameHeader(code)) {
      if (frame) throw brokenPicture(path, 'the JPEG file holds a second frame; it is damaged');
      frame = readFrameHeader(code, data, path);
    }
    if (code === marker.application1) orientation = readOrientation(data) ?? orientation;
    if (code === marker.startOfScan && ++scans > maxScans)
      throw brokenPicture(path, `the JPEG file has more than ${maxScans} scans; it is forged`);
    at = code === marker.startOfScan ? endOfScan(bytes, end) : end;
  }
  if (frame && scans > 0) return { ...frame, orientation };
  throw brokenPicture(path, 'the JPEG file holds no picture');
}

interface Segment {
  readonly code: number;
  readonly data: Buffer;
  readonly end: number;
}

function nextSegment(bytes: Buffer, start: number, path: string): Segment {
  let at = start;
  if (at < bytes.length && bytes[at] !== 0xff)
    throw brokenPicture(path, `the JPEG file is damaged at byte ${at}, where a marker should be`);
  while (bytes[at] === 0xff) at++; // any number of them may lead a marker
  const code = bytes[at];
  if (code === undefined) throw cutShort(bytes, path);
  at++;
  if (standsAlone(code)) return { code, data: bytes.subarray(at, at), end: at };
  const end = at + 2 <= bytes.length ? at + bytes.readUInt16BE(at) : Infinity;
  if (end > bytes.length) throw cutShort(bytes, path);
  return { code, data: bytes.subarray(at + 2, end), end: Math.max(end, at + 2) };
}

/** In the coded pixels 0xff is followed by 0, or by a restart marker. */
function endOfScan(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(0xff, start);
  while (at >= 0 && (bytes[at + 1] === 0 || isRestart(bytes[at + 1]))) at = bytes.indexOf(0xff, at + 2);
  return at < 0 ? bytes.length : at;
}

function readFrameHeader(code: number, data: Buffer, path: string): { width: number; height: number } {
  const form = code & 0x0f;
  if (form > 2 || data.length < 6 || data[0] !== 8)
    throw brokenPicture(
      path,
      'the JPEG file is lossless, arithmetic or has not 8 bits a channel; expected baseline or progressive; save it so',
    );
  const [height, width, components] = [data.readUInt16BE(1), data.readUInt16BE(3), data[5]];
  checkPictureSize(width, height, path);
  if (components !== 1 && components !== 3)
    throw brokenPicture(
      path,
      `the JPEG file has ${components} components (${components === 4 ? 'CMYK' : 'unknown colours'}); ` +
        'expected grey or colour; convert it to RGB',
    );
  return { width, height };
}

/** SOF0 to SOF15, without the three other codes of that range. */
function isFrameHeader(code: number): boolean {
  return code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
}

function isRestart(code: number | undefined): boolean {
  return code !== undefined && code >= 0xd0 && code <= 0xd7;
}

function standsAlone(code: number): boolean {
  return isRestart(code) || code === 0xd8 || code === marker.end || code === marker.temporary;
}

function cutShort(bytes: Buffer, path: string): Error {
  return brokenPicture(path, `the JPEG file is cut short: it has no end within its ${bytes.length} bytes`);
}
