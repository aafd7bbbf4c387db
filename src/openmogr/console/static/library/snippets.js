/** One operation in the ways in which it may be asked for, to be copied. */

import { operationQuery, pathOf, session } from './service.js';

/** @typedef {{bucket: string, key: string, stored: boolean, operation: string, suffix: string}} Wanted */

const quotedForShell = (/** @type {string} */ word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
const quoted = (/** @type {string} */ word) => `'${word.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;

/** The name of a file in the format of the result, which is not that of the source. @param {Wanted} wanted */
function resultName({ key, suffix }) {
  const name = key.split('/').at(-1) ?? '';
  const stem = name.replace(/\.[^.]*$/, '') || 'result';
  return stem + suffix === name ? `${stem}-result${suffix}` : stem + suffix;
}

/** @param {Wanted} wanted */
export const resultUrl = (wanted) =>
  `${location.origin}${pathOf(wanted.bucket, wanted.key)}?${operationQuery(wanted.operation)}`;

/** The header that has the result stored beside its source. @param {Wanted} wanted */
export function rule(wanted) {
  const rules = [{ fileid: resultName(wanted), rule: wanted.operation }];
  return JSON.stringify({ is_pic_info: 1, rules });
}

/** @param {Wanted} wanted */
function curl(wanted) {
  const out = quotedForShell(resultName(wanted));
  return `curl -o ${out} ${quotedForShell(resultUrl(wanted))}`;
}

/** @param {Wanted} wanted */
function python(wanted) {
  const { hostname, host, port, protocol } = location;
  const place = port ? `IP=${quoted(hostname)}, Port=${port}` : `Endpoint=${quoted(host)}`;
  return [
    'from qcloud_cos import CosConfig, CosS3Client',
    '',
    'config = CosConfig(',
    "    Region='ap-shanghai', SecretId='...', SecretKey='...',",
    `    Scheme=${quoted(protocol.slice(0, -1))}, ${place},`,
    ')',
    'CosS3Client(config).ci_get_object(',
    `    Bucket=${quoted(wanted.bucket)}, Key=${quoted(wanted.key)},`,
    `    DestImagePath=${quoted(resultName(wanted))},`,
    `    Rule=${quoted(wanted.operation)},`,
    ')',
  ].join('\n');
}

/** @param {Wanted} wanted */
function javascript(wanted) {
  return [
    "import { createWriteStream } from 'node:fs';",
    "import COS from 'cos-nodejs-sdk-v5';",
    '',
    'const cos = new COS({',
    "  SecretId: '...', SecretKey: '...',",
    `  Protocol: ${quoted(location.protocol)}, Ip: ${quoted(location.host)},`,
    '});',
    'await cos.getObject({',
    `  Bucket: ${quoted(wanted.bucket)}, Region: 'ap-shanghai', Key: ${quoted(wanted.key)},`,
    `  QueryString: ${quoted(operationQuery(wanted.operation))},`,
    `  Output: createWriteStream(${quoted(resultName(wanted))}),`,
    '});',
  ].join('\n');
}

/**
 * All ways by the names of their tabs.
 * @param {Wanted} wanted
 * @returns {Array<[string, string]>}
 */
export function snippets(wanted) {
  return [
    ['URL', resultUrl(wanted)],
    ['Pic-Operations', rule(wanted)],
    ['curl', curl(wanted)],
    ['Python', python(wanted)],
    ['JavaScript', javascript(wanted)],
  ];
}

/** A bucket to write into examples where there is none yet. */
export const exampleBucket = () => session.server.bucket || 'examplebucket-1250000000';
