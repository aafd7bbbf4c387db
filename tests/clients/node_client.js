// Drives cos-nodejs-sdk-v5 against a server; prints one JSON object of results. Arguments: port, SecretId, SecretKey.
'use strict';
const COS = require('cos-nodejs-sdk-v5');
const [port, SecretId, SecretKey, photo] = process.argv.slice(2);
const fs = require('fs');
const Bucket = 'node-1250000000';
const Region = 'ap-shanghai';
const cos = new COS({ SecretId, SecretKey, Protocol: 'http:', Ip: '127.0.0.1', Port: port,
  Domain: `{Bucket}.cos.{Region}.myqcloud.com:${port}`, ServiceDomain: `127.0.0.1:${port}`,
  Proxy: `http://127.0.0.1:${port}`, AutoSwitchHost: false });
const call = (name, parameters) => cos[name]({ Bucket, Region, ...parameters });
const failure = async (work) => {
  try { await work; return null; } catch (error) {
    return { status: error.statusCode, code: error.code || (error.error && error.error.Code), id: error.RequestId };
  }
};

(async () => {
  const out = {};
  await call('putBucket', {});
  out.buckets = (await cos.getService({})).Buckets.map((item) => item.Name);
  const body = fs.readFileSync(photo);
  const operations = JSON.stringify({ is_pic_info: 1, rules: [
    { fileid: 'small.webp', rule: 'imageMogr2/thumbnail/60x/format/webp' }] });
  const put = await call('putObject', { Key: 'dir/图 a.png', Body: body, Headers: { 'Pic-Operations': operations } });
  out.put = { etag: put.ETag, result: put.UploadResult };
  const get = await call('getObject', { Key: 'dir/图 a.png', QueryString: 'imageMogr2/thumbnail/30x/format/webp' });
  out.get = { type: get.headers['content-type'], magic: get.Body.subarray(8, 12).toString() };
  const signed = await call('getObject', { Key: 'dir/图 a.png', Query: { imageInfo: '' } });
  out.info = JSON.parse(signed.Body.toString());
  const post = await call('request', { Key: 'dir/图 a.png', Method: 'POST', Action: 'image_process',
    Headers: { 'Pic-Operations': operations } });
  out.post = post.UploadResult;
  out.keys = [];
  for (const Key of ['a//b', 'c/../d', './e', 'f+g h%41', '~\'()*!']) {
    await call('putObject', { Key, Body: Key });
    const answer = await call('getObject', { Key });
    out.keys.push(answer.Body.toString() === Key);
  }
  out.listed = (await call('getBucket', { Prefix: 'a' })).Contents.map((item) => item.Key);
  const big = Buffer.alloc(2 * 1024 * 1024 + 3, 'x');
  const upload = await call('sliceUploadFile', { Key: 'big', FilePath: photo, ChunkSize: 1024 * 1024 });
  out.slice = upload.ETag;
  const started = await call('multipartInit', { Key: 'parts' });
  const parts = [];
  for (let number = 1; number <= 2; number += 1) {
    const part = await call('multipartUpload', { Key: 'parts', UploadId: started.UploadId, PartNumber: number,
      Body: number === 1 ? big.subarray(0, 1024 * 1024) : big.subarray(1024 * 1024) });
    parts.push({ PartNumber: number, ETag: part.ETag });
  }
  const done = await call('multipartComplete', { Key: 'parts', UploadId: started.UploadId, Parts: parts });
  out.multipart = { etag: done.ETag, location: done.Location };
  out.head = (await call('headObject', { Key: 'parts' })).headers['content-length'];
  const copy = await call('putObjectCopy', { Key: 'copied',
    CopySource: `${Bucket}.cos.${Region}.myqcloud.com/${encodeURIComponent('dir/图 a.png')}` });
  out.copy = copy.ETag;
  out.url = await new Promise((resolve, reject) => cos.getObjectUrl({ Bucket, Region, Key: 'dir/图 a.png', Sign: true,
    Query: { 'imageMogr2/thumbnail/40x/format/webp': '' } },
  (error, data) => (error ? reject(error) : resolve(data.Url))));
  out.missing = await failure(call('getObject', { Key: 'missing' }));
  out.missingHead = await failure(call('headObject', { Key: 'missing' }));
  out.bad = await failure(call('getObject', { Key: 'dir/图 a.png', QueryString: 'imageMogr2/rotate/abc' }));
  const many = await call('deleteMultipleObject', { Objects: [{ Key: 'copied' }, { Key: 'never' }] });
  out.deleted = many.Deleted.length;
  out.acl = (await call('getBucketAcl', {})).ACL;
  console.log(JSON.stringify(out));
})().catch((error) => { console.error(error); process.exit(1); });
