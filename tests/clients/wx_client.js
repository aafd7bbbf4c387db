// Drives cos-wx-sdk-v5, the SDK for WeChat mini programs, against a server; prints one JSON object of what it saw.
// Arguments: port, SecretId, SecretKey, a PNG photo, an empty folder. Node has no `wx`: what of it the SDK uses is
// made here of Node's own fetch and files, and does what the documents of mini programs say, no more.
'use strict';
const dns = require('dns');
const fs = require('fs');
const path = require('path');
const [port, SecretId, SecretKey, photo, folder] = process.argv.slice(2);

// Phones and browsers know that *.localhost is this machine; Node asks the DNS.
const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, ...rest);

const plain = (headers) => Object.fromEntries(headers.entries());

/** Runs a request; `wx` calls success for every answer and fail where there is none. */
function start(work, options) {
  work().then(options.success, (error) => options.fail({ errMsg: `request:fail ${error}` }));
  return { abort() {}, onProgressUpdate() {} };
}

const sent = [];
global.wx = {
  request: (options) => start(async () => {
    sent.push(options.method);
    const body = ['GET', 'HEAD'].includes(options.method) ? undefined : options.data;
    const answer = await fetch(options.url, { method: options.method, headers: defined(options.header), body,
      redirect: options.redirect });
    const data = options.responseType === 'arraybuffer' ? await answer.arrayBuffer() : await answer.text();
    return { statusCode: answer.status, header: plain(answer.headers), data };
  }, options),
  uploadFile: (options) => start(async () => {
    sent.push('uploadFile');
    const form = new FormData();
    Object.entries(options.formData).forEach(([name, value]) => form.append(name, String(value)));
    form.append(options.name, new Blob([fs.readFileSync(options.filePath)]), path.basename(options.filePath));
    const headers = defined(options.header, 'content-type');
    const answer = await fetch(options.url, { method: 'POST', headers, body: form });
    return { statusCode: answer.status, header: plain(answer.headers), data: await answer.text() };
  }, options),
  getFileSystemManager: () => ({
    stat: ({ path: name, success, fail }) => fs.stat(name, (error, stats) => (error ? fail({ errMsg: String(error) })
      : success({ stats: { size: stats.size, lastModifiedTime: stats.mtimeMs / 1000, isDirectory: () => false } }))),
    readFile: ({ filePath, position, length, encoding, success, fail }) => {
      try {
        const whole = fs.readFileSync(filePath);
        const piece = position === undefined ? whole : whole.subarray(position, position + length);
        success({ data: encoding ? piece.toString(encoding)
          : piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length) });
      } catch (error) { fail({ errMsg: String(error) }); }
    },
  }),
  canIUse: (name) => name in global.wx,
  getAppBaseInfo: () => ({ SDKVersion: '3.0.0' }), // since 2.10.0 files can be read in pieces
  getStorageSync: () => '',
  setStorageSync() {},
  removeStorageSync() {},
};

/** The headers that have a value, less what a form sets itself. */
function defined(headers, less = '') {
  return Object.fromEntries(Object.entries(headers || {}).filter(([name, value]) => value !== undefined
    && name.toLowerCase() !== less));
}

global.window = global; // the SDK's bundle hangs itself there
const COS = require('cos-wx-sdk-v5');
const Bucket = 'wx-1250000000';
const Region = 'ap-shanghai';
// It puts https: before a domain that has no scheme.
const cos = new COS({ SecretId, SecretKey, Domain: `http://{Bucket}.localhost:${port}`,
  ServiceDomain: `http://127.0.0.1:${port}`, AutoSwitchHost: false });
const call = (name, parameters) => cos[name]({ Bucket, Region, ...parameters });
const failure = (work) => work.then(() => null, (error) => ({ status: error.statusCode,
  code: error.error && error.error.Code, id: Boolean(error.headers && error.headers['x-cos-request-id']) }));

(async () => {
  const seen = {};
  await call('putBucket', {});
  seen.buckets = (await call('getService', {})).Buckets.map((item) => item.Name);
  const post = await call('postObject', { Key: 'dir/图 a.png', FilePath: photo, ContentType: 'image/png' });
  seen.post = [post.statusCode, post.ETag];
  const upload = await call('uploadFile', { Key: 'simple.png', FilePath: photo, SliceSize: 1 << 21 });
  seen.simple = [upload.statusCode, upload.ETag, sent.at(-1)];
  const body = fs.readFileSync(photo);
  const Body = body.buffer.slice(body.byteOffset, body.byteOffset + body.length);
  const put = await call('putObject', { Key: 'put.png', Body });
  seen.put = put.ETag;
  const large = path.join(folder, 'large');
  fs.writeFileSync(large, Buffer.alloc(2 * 1024 * 1024 + 3, 'x'));
  const slice = await call('sliceUploadFile', { Key: 'sliced', FilePath: large, ChunkSize: 1 << 20, SliceSize: 1 });
  seen.slice = [slice.ETag, (await call('headObject', { Key: 'sliced' })).headers['content-length']];
  const got = await call('getObject', { Key: 'put.png', DataType: 'arraybuffer',
    QueryString: 'imageMogr2/thumbnail/60x/format/webp' });
  seen.got = [got.headers['content-type'], Buffer.from(got.Body).subarray(8, 12).toString()];
  const rules = JSON.stringify({ is_pic_info: 1, rules: [
    { fileid: '/small.webp', rule: 'imageMogr2/thumbnail/60x/format/webp' }] });
  seen.processed = (await call('request', { Key: 'put.png', Method: 'POST', Action: 'image_process',
    Headers: { 'Pic-Operations': rules } })).UploadResult;
  seen.listed = (await call('getBucket', { Prefix: 'dir/' })).Contents.map((item) => item.Key);
  const CopySource = `${Bucket}.cos.${Region}.myqcloud.com/put.png`;
  seen.copy = (await call('putObjectCopy', { Key: 'copied', CopySource })).ETag;
  const gone = await call('deleteMultipleObject', { Objects: [{ Key: 'copied' }, { Key: 'never' }] });
  seen.deleted = gone.Deleted.length;
  seen.url = await new Promise((resolve, reject) => cos.getObjectUrl({ Bucket, Region, Key: 'put.png', Sign: true,
    Query: { 'imageMogr2/thumbnail/40x/format/webp': '' } },
  (error, data) => (error ? reject(error) : resolve(data.Url))));
  seen.missing = await failure(call('getObject', { Key: 'missing' }));
  seen.rotated = await failure(call('getObject', { Key: 'put.png', QueryString: 'imageMogr2/rotate/abc' }));
  console.log(JSON.stringify(seen));
})().catch((error) => { console.error(error); process.exit(1); });
