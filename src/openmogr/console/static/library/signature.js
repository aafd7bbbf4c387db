/** Signatures of COS, version 5, as its SDK for browsers makes them (docs/spec/api/signature.md). */

import { hmac, sha1 } from './secure_hash.js';

/** @typedef {{secretId: string, secretKey: string, token: string}} Keys */
/** @typedef {{method: string, path: string, parameters: Array<[string, string]>,
 *   headers: Record<string, string>}} Signed */

// Clocks of browsers go wrong by so much at most.
const EARLIER = 60;

/** Percent-encoding of all but letters, digits and -_.~ @param {string} text */
export const encoded = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** @param {Array<[string, string]>} pairs */
function listed(pairs) {
  const items = pairs.map(([name, value]) => [encoded(name).toLowerCase(), encoded(value)]);
  items.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));
  return { names: items.map(([name]) => name).join(';'), text: items.map((item) => item.join('=')).join('&') };
}

/**
 * The fields of a signature, in their order.
 * @param {Keys} keys
 * @param {Signed} request path undecoded, headers those that are to be covered
 * @param {number} seconds for how long it holds
 * @param {number} [now] seconds since 1970
 * @returns {Promise<Array<[string, string]>>}
 */
export async function signatureFields(keys, request, seconds, now = Math.floor(Date.now() / 1000)) {
  const time = `${now - EARLIER};${now + seconds}`;
  const parameters = listed(request.parameters);
  const headers = listed(Object.entries(request.headers));
  const told = [request.method.toLowerCase(), request.path, parameters.text, headers.text, ''].join('\n');
  const signKey = await hmac(keys.secretKey, time);
  const signature = await hmac(signKey, ['sha1', time, await sha1(told), ''].join('\n'));
  return [
    ['q-sign-algorithm', 'sha1'],
    ['q-ak', keys.secretId],
    ['q-sign-time', time],
    ['q-key-time', time],
    ['q-header-list', headers.names],
    ['q-url-param-list', parameters.names],
    ['q-signature', signature],
  ];
}

/**
 * The value of `Authorization`.
 * @param {Keys} keys
 * @param {Signed} request
 */
export async function authorization(keys, request) {
  return (await signatureFields(keys, request, 600)).map((field) => field.join('=')).join('&');
}

/**
 * What follows the path of a presigned URL.
 * @param {Keys} keys
 * @param {Signed} request
 * @param {number} seconds
 */
export async function presignedQuery(keys, request, seconds) {
  const fields = await signatureFields(keys, request, seconds);
  if (keys.token) fields.push(['x-cos-security-token', keys.token]);
  return fields.map(([name, value]) => `${name}=${encoded(value)}`).join('&');
}
