/** Requests to the server that the page came from, signed where there are keys, and what it answers to them. */

import { authorization, encoded, presignedQuery } from './signature.js';

/** @typedef {import('./signature.js').Keys} Keys */

/** What is known of the session; keys are here and nowhere else, so that they end with the page.
 * @type {{keys: Keys | null, server: any}} */
export const session = { keys: null, server: null };

/** An answer that refuses. */
export class ServiceError extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Browsers that check what becomes a document want to be told who makes one; this one runs nothing.
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('xml', {
  createHTML: (/** @type {string} */ text) => text,
});

/**
 * A document of XML, of which nothing is shown or run.
 * @param {string} text
 */
export function parsed(text) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'application/xml');
}

/**
 * The text of an element inside another one, by a path of tags; empty where there is none.
 * @param {ParentNode} node
 * @param {string} path
 */
export const textOf = (node, path) => node.querySelector(path.replaceAll('/', ' > '))?.textContent ?? '';

/**
 * Path of a bucket or an object, percent-encoded.
 * @param {string} bucket
 * @param {string} [key]
 */
export const pathOf = (bucket, key = '') => `/${bucket}/${key.split('/').map(encoded).join('/')}`;

const PICTURES = /\.(jpe?g|png|apng|webp|gif|bmp|tiff?|avif|hei[fc]|tpg|jxl)$/i;

/** Whether a key looks like that of a picture. @param {string} key */
export const isPicture = (key) => PICTURES.test(key);

/**
 * An operation as it stands in a URL.
 * @param {string} text
 */
export const operationQuery = (text) => encodeURIComponent(text).replaceAll('%2F', '/');

/**
 * @param {string} query
 * @returns {Array<[string, string]>}
 */
function parametersOf(query) {
  return query
    .split('&')
    .filter(Boolean)
    .map((item) => {
      const [name, ...value] = item.split('=');
      return [decodeURIComponent(name), decodeURIComponent(value.join('='))];
    });
}

/**
 * What a signature is to cover.
 * @param {string} method
 * @param {string} target
 * @param {Record<string, string>} headers
 */
function covered(method, target, headers) {
  const [path, query = ''] = target.split('?');
  return { method, path: decodeURIComponent(path), parameters: parametersOf(query), headers };
}

/** @param {Response} response */
async function refusal(response) {
  const told = await response.text();
  // Answers to HEAD are empty, and of what is no XML browsers would make a document with styles of their own.
  if (!told.startsWith('<?xml')) return new ServiceError(response.status, '', response.statusText);
  const document = parsed(told);
  return new ServiceError(response.status, textOf(document, 'Error/Code'), textOf(document, 'Error/Message'));
}

/**
 * Sends a request. Raises `ServiceError` where the answer is none of 2xx.
 * @param {string} method
 * @param {string} target path and query, percent-encoded
 * @param {{headers?: Record<string, string>, body?: any, signal?: AbortSignal, keys?: Keys | null}} [options]
 */
export async function send(method, target, { headers = {}, body, signal, keys = session.keys } = {}) {
  const sent = { ...headers };
  if (keys) {
    if (keys.token) sent['x-cos-security-token'] = keys.token;
    const named = Object.entries(sent).filter(([name]) => /^(x-cos-|pic-operations$)/.test(name));
    const signed = Object.fromEntries([...named, ['host', location.host]]);
    sent.authorization = await authorization(keys, covered(method, target, signed));
  }
  const response = await fetch(target, { method, headers: sent, body, signal, cache: 'no-store', credentials: 'omit' });
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * The document that a GET is answered with.
 * @param {string} target
 * @param {{signal?: AbortSignal, keys?: Keys}} [options]
 */
export async function read(target, options) {
  return parsed(await (await send('GET', target, options)).text());
}

/**
 * A URL that opens one thing for a while, for whoever has it.
 * @param {string} target
 * @param {number} seconds
 */
export async function presigned(target, seconds) {
  if (!session.keys) return location.origin + target;
  const query = await presignedQuery(session.keys, covered('GET', target, {}), seconds);
  return `${location.origin}${target}${target.includes('?') ? '&' : '?'}${query}`;
}
