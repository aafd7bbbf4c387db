/** Calls of COS about buckets and objects. */

import { encoded } from './signature.js';
import { parsed, pathOf, read, send, textOf } from './service.js';

/** @typedef {{key: string, size: number, modified: string}} Listed */

/** @param {ParentNode} node @param {string} path */
const all = (node, path) => Array.from(node.querySelectorAll(path.replaceAll('/', ' > ')));

/** @param {import('./signature.js').Keys} [keys] */
export async function listBuckets(keys) {
  const document = await read('/', keys && { keys });
  return all(document, 'Buckets/Bucket').map((item) => ({
    name: textOf(item, 'Name'),
    region: textOf(item, 'Location'),
  }));
}

/**
 * One page of what lies below a prefix.
 * @param {string} bucket
 * @param {string} prefix
 * @param {string} marker what the page before ended with, or empty
 * @param {boolean} deep whether folders are opened
 */
export async function listObjects(bucket, prefix, marker, deep) {
  const wanted = [`prefix=${encoded(prefix)}`, `marker=${encoded(marker)}`, 'max-keys=60', deep ? '' : 'delimiter=%2F'];
  const document = await read(`${pathOf(bucket)}?${wanted.filter(Boolean).join('&')}`);
  return {
    folders: all(document, 'CommonPrefixes/Prefix').map((item) => item.textContent ?? ''),
    /** @type {Listed[]} */
    objects: all(document, 'Contents').map((item) => ({
      key: textOf(item, 'Key'),
      size: Number(textOf(item, 'Size')),
      modified: textOf(item, 'LastModified'),
    })),
    next:
      textOf(document, 'ListBucketResult/IsTruncated') === 'true'
        ? textOf(document, 'ListBucketResult/NextMarker')
        : '',
  };
}

/**
 * Stores a file, and what rules make of it.
 * @param {string} bucket
 * @param {string} key
 * @param {Blob} file
 * @param {Array<{fileid: string, rule: string}>} [rules]
 */
export async function putObject(bucket, key, file, rules = []) {
  /** @type {Record<string, string>} */
  const headers = file.type ? { 'content-type': file.type } : {};
  if (rules.length) headers['pic-operations'] = JSON.stringify({ is_pic_info: 1, rules });
  return send('PUT', pathOf(bucket, key), { headers, body: file });
}

/** @param {string} bucket @param {string} key */
export const deleteObject = (bucket, key) => send('DELETE', pathOf(bucket, key));

/** @param {string} bucket @param {string} acl */
export const createBucket = (bucket, acl) => send('PUT', pathOf(bucket), { headers: { 'x-cos-acl': acl } });

/** What `x-cos-acl` says of a bucket or object. @param {string} bucket @param {string} [key] */
export async function getAcl(bucket, key = '') {
  return (await send('GET', `${pathOf(bucket, key)}?acl`)).headers.get('x-cos-acl') ?? '';
}

/** @param {string} bucket @param {string} key @param {string} acl */
export const putAcl = (bucket, key, acl) =>
  send('PUT', `${pathOf(bucket, key)}?acl`, { headers: { 'x-cos-acl': acl } });

/** @param {string} bucket */
export async function listStyles(bucket) {
  const document = await read(`${pathOf(bucket)}?style`);
  return all(document, 'StyleRule').map((item) => ({
    name: textOf(item, 'StyleName'),
    body: textOf(item, 'StyleBody'),
  }));
}

/** @param {string} bucket @param {string} name @param {string} body */
export function putStyle(bucket, name, body) {
  const root = document.implementation.createDocument(null, 'AddStyle');
  for (const [tag, value] of [
    ['StyleName', name],
    ['StyleBody', body],
  ]) {
    const item = root.createElement(tag);
    item.textContent = value;
    root.documentElement.append(item);
  }
  return send('PUT', `${pathOf(bucket)}?style`, { body: new XMLSerializer().serializeToString(root) });
}

/** @param {string} bucket @param {string} name */
export const deleteStyle = (bucket, name) => send('DELETE', `${pathOf(bucket)}?style&style-name=${encoded(name)}`);

/** @param {ParentNode} document */
const jobsIn = (document) =>
  all(document, 'JobsDetail').map((item) => ({
    id: textOf(item, 'JobId'),
    state: textOf(item, 'State'),
    object: textOf(item, 'Input/Object'),
    output: textOf(item, 'Operation/Output/Object'),
    rule: textOf(item, 'Operation/PicProcess/ProcessRule'),
    created: textOf(item, 'CreationTime'),
    ended: textOf(item, 'EndTime'),
    message: textOf(item, 'Message'),
  }));

/** The newest hundred jobs of a bucket. @param {string} bucket */
export const listJobs = async (bucket) => jobsIn(await read(`/-/ci/${bucket}/jobs?size=100`));

/** At most a hundred jobs by their names. @param {string} bucket @param {string[]} identifiers */
export const jobsNamed = async (bucket, identifiers) =>
  jobsIn(await read(`/-/ci/${bucket}/jobs/${identifiers.join(',')}`));

/** @param {string} bucket @param {string} identifier */
export const cancelJob = (bucket, identifier) => send('PUT', `/-/ci/${bucket}/jobs/${identifier}?cancel`);

/**
 * Has a stored picture processed later; gives the job's identifier.
 * @param {string} bucket
 * @param {string} region
 * @param {{object: string, output: string, rule: string}} job
 */
export async function submitJob(bucket, region, job) {
  const root = document.implementation.createDocument(null, 'Request');
  /** @param {Element} parent @param {string} tag @param {string | Array<[string, any]>} value */
  const put = (parent, tag, value) => {
    const item = parent.appendChild(root.createElement(tag));
    if (typeof value === 'string') item.textContent = value;
    else for (const [name, inner] of value) put(item, name, inner);
  };
  const output = [
    ['Region', region],
    ['Bucket', bucket],
    ['Object', job.output],
  ];
  put(root.documentElement, 'Tag', 'PicProcess');
  put(root.documentElement, 'Input', [['Object', job.object]]);
  put(root.documentElement, 'Operation', [
    [
      'PicProcess',
      [
        ['IsPicInfo', 'true'],
        ['ProcessRule', job.rule],
      ],
    ],
    ['Output', output],
  ]);
  const response = await send('POST', `/-/ci/${bucket}/jobs`, { body: new XMLSerializer().serializeToString(root) });
  return textOf(parsed(await response.text()), 'JobsDetail/JobId');
}
