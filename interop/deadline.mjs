/**
 * Settles like `promise`, or rejects after `milliseconds`.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} milliseconds
 * @param {string} what - What is awaited, for the error message.
 * @returns {Promise<T>}
 */
export function within(promise, milliseconds, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`nothing after ${milliseconds} ms of waiting for ${what}`)),
      milliseconds,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
