/** Additional authenticated data of a KMS call, as AWS KMS defines it. Logged by the KMS in the clear: never PII. */
export type EncryptionContext = Readonly<Record<string, string>>

export interface KeyCallOptions {
  /** Aborting must end the call at the socket and reject with an `EnvelopeError` of code `TIMEOUT`. */
  readonly signal?: AbortSignal
}

export interface DataKey {
  /**
   * 32 bytes. The caller owns them and zeroes them, which reaches all copies only if the array is made over a buffer (`new Uint8Array(new ArrayBuffer(32))`):
   * V8 moves others of up to 64 bytes about in its heap, and leaves copies behind.
   */
  readonly plaintext: Uint8Array
  /** The same key wrapped by the KMS key; opaque to everybody but the provider. */
  readonly wrapped: Uint8Array
}

/**
 * What every KMS adapter implements. An adapter neither caches nor retries across calls nor logs: that is the caller's, in one place.
 *
 * What a method throws is an `EnvelopeError` whose code says whose turn it is:
 * - `KEY_UNKNOWN`: the KMS does not know the key, or `wrapped` was made by a key that is not this provider's.
 * - `KEY_DISABLED`: the key is disabled or pending deletion.
 * - `ACCESS_DENIED`: the credentials may not do this.
 * - `CONTEXT_MISMATCH`: only where the KMS tells a wrong context from a broken blob.
 * - `CANNOT_OPEN`: `wrapped` is cut short, altered, or was wrapped under another context (AWS does not tell these apart).
 * - `THROTTLED`, `UNAVAILABLE`, `TIMEOUT`: worth a retry.
 *
 * An adapter MUST NOT put key bytes into an error, and MUST NOT return a key unwrapped under another context.
 */
export interface KeyProvider {
  /** Name of the key in the keyring, stored as `kid` in every envelope: short, stable, `[A-Za-z0-9._-]{1,32}`. */
  readonly name: string
  /** True for providers that must never see production data; the configuration refuses them under `NODE_ENV=production`. */
  readonly insecure?: true
  /** A fresh 32-byte key, in the clear and wrapped under `context`. */
  generateDataKey(context: EncryptionContext, options?: KeyCallOptions): Promise<DataKey>
  /** Wraps a key that the caller made. */
  wrap(plaintext: Uint8Array, context: EncryptionContext, options?: KeyCallOptions): Promise<Uint8Array>
  /** Unwraps what `generateDataKey`, `wrap` or `rewrap` returned under the very same context. The caller owns the bytes, as those of {@link DataKey}. */
  unwrap(wrapped: Uint8Array, context: EncryptionContext, options?: KeyCallOptions): Promise<Uint8Array>
  /** Wraps anew under the provider's current KMS key without the plaintext leaving the KMS. */
  rewrap?(wrapped: Uint8Array, context: EncryptionContext, options?: KeyCallOptions): Promise<Uint8Array>
  /** Unwraps several in one call; results stand in the order of `wrapped`, a failure in its own place. */
  unwrapMany?(
    wrapped: readonly { readonly wrapped: Uint8Array; readonly context: EncryptionContext }[],
    options?: KeyCallOptions,
  ): Promise<readonly (Uint8Array | Error)[]>
}
