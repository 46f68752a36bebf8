/** A refusal in the exchange's own words: HTTP status, error code, message. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(code: number, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }

  get body(): string {
    return JSON.stringify({ code: this.code, msg: this.message });
  }
}

export const invalidSymbol = () => new ApiError(-1121, 'Invalid symbol.');
export const invalidInterval = () => new ApiError(-1120, 'Invalid interval.');
export const invalidPair = () => new ApiError(-4144, 'Invalid pair.');
export const startAfterEnd = () => new ApiError(-1023, 'Start time is greater than end time.');
export const missing = (name: string) =>
  new ApiError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
export const invalidData = (name: string) => new ApiError(-1130, `Data sent for parameter '${name}' is not valid.`);
export const duplicated = () => new ApiError(-1101, 'Too many parameters; expected 1 and received 2.');
export const illegalCharacters = (name: string, range: string) =>
  new ApiError(-1100, `Illegal characters found in parameter '${name}'; legal range is '${range}'.`);
