// Modules inside packages, which these publish without types.

declare module 'ccxt/js/src/binanceusdm.js' {
  const binanceusdm: unknown;
  export default binanceusdm;
}

declare module 'undici/lib/core/errors.js' {
  const errors: unknown;
  export default errors;
}

declare module 'undici/lib/dispatcher/pool.js' {
  const Pool: unknown;
  export default Pool;
}
