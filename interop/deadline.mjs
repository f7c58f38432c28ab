/**
 * Settles as `promise` does, or rejects once `milliseconds` have passed.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} milliseconds
 * @param {string} what - What is waited for: the words of the error.
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
