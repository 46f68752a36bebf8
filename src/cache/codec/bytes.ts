/** Bytes that are not what the format says; caught where decoding starts and never let out of the codec. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** Appends little-endian values to a buffer that grows by doubling. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Everything written so far, as a view on the buffer. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    this.reserve(1)[0] = value;
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, true);
  }

  text(value: string): void {
    const utf8 = Buffer.from(value, 'utf8');
    this.u16(utf8.length);
    this.reserve(utf8.length).set(utf8);
  }

  /** The next `count` bytes, zeroed, to be filled in before anything else is written. */
  reserve(count: number): Uint8Array {
    const at = this.#grow(count);
    return this.#bytes.subarray(at, at + count);
  }

  #grow(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, at + count));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = at + count;
    return at;
  }
}

/** Reads what `ByteWriter` wrote; throws `MalformedBytes` instead of reading past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  text(): string {
    const { buffer, byteOffset, length } = this.take(this.u16());
    return Buffer.from(buffer, byteOffset, length).toString('utf8');
  }

  skipText(): void {
    this.#advance(this.u16());
  }

  /** The next `count` bytes as a view. */
  take(count: number): Uint8Array {
    const at = this.#advance(count);
    return this.#bytes.subarray(at, at + count);
  }

  #advance(count: number): number {
    if (count > this.remaining) throw new MalformedBytes(`${count} bytes wanted, ${this.remaining} left`);
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
