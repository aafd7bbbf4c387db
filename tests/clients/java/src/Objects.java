import com.qcloud.cos.http.HttpMethodName;
import com.qcloud.cos.model.AbortMultipartUploadRequest;
import com.qcloud.cos.model.COSObject;
import com.qcloud.cos.model.CompleteMultipartUploadRequest;
import com.qcloud.cos.model.CopyObjectRequest;
import com.qcloud.cos.model.DeleteObjectsRequest;
import com.qcloud.cos.model.GetObjectRequest;
import com.qcloud.cos.model.InitiateMultipartUploadRequest;
import com.qcloud.cos.model.ListMultipartUploadsRequest;
import com.qcloud.cos.model.ListPartsRequest;
import com.qcloud.cos.model.ObjectMetadata;
import com.qcloud.cos.model.PartETag;
import com.qcloud.cos.model.PutObjectRequest;
import com.qcloud.cos.model.ResponseHeaderOverrides;
import com.qcloud.cos.model.UploadPartRequest;
import com.qcloud.cos.region.Region;
import com.qcloud.cos.transfer.TransferManager;
import com.qcloud.cos.transfer.TransferManagerConfiguration;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Objects: whole, in parts, copied, and by URLs. */
final class Objects {
    private static final int MIB = 1 << 20;

    private Objects() {}

    static byte[] read(Client client, GetObjectRequest request) throws IOException {
        try (COSObject object = client.cos.getObject(request)) {
            return object.getObjectContent().readAllBytes();
        }
    }

    static byte[] read(Client client, String key) throws IOException {
        return read(client, new GetObjectRequest(client.bucket, key));
    }

    static void run(Client client) throws Exception {
        Map<String, Boolean> keys = new TreeMap<>();
        for (String key : List.of("a//b", "c/d/../e", "f+g h%41", "~'()*!", "图/片 a.png", "?x=1&y")) {
            client.cos.putObject(client.bucket, key, key);
            keys.put(key, Arrays.equals(read(client, key), key.getBytes(StandardCharsets.UTF_8)));
        }
        client.seen.put("keys", keys);
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("image/png");
        metadata.setCacheControl("no-cache");
        metadata.addUserMetadata("note", "seven");
        client.cos.putObject(new PutObjectRequest(client.bucket, "photo.png", client.photo).withMetadata(metadata));
        ObjectMetadata head = client.cos.getObjectMetadata(client.bucket, "photo.png");
        client.seen.put("head", List.of(String.valueOf(head.getContentLength()), head.getContentType(),
                head.getCacheControl(), head.getUserMetaDataOf("note"), head.getETag()));
        byte[] range = read(client, new GetObjectRequest(client.bucket, "a//b").withRange(1, 2));
        client.seen.put("range", new String(range, StandardCharsets.UTF_8));
        ResponseHeaderOverrides overrides = new ResponseHeaderOverrides();
        overrides.setContentType("text/x-other");
        try (COSObject typed = client.cos.getObject(
                new GetObjectRequest(client.bucket, "a//b").withResponseHeaders(overrides))) {
            ObjectMetadata answer = typed.getObjectMetadata();
            client.seen.put("response", answer.getContentType());
            client.seen.put("unchanged", client.cos.getObject(new GetObjectRequest(client.bucket, "a//b")
                    .withModifiedSinceConstraint(answer.getLastModified())) == null ? 304 : 200);
        }
        copyAndDelete(client);
        Map<String, String> processed = Map.of("imageMogr2/thumbnail/40x/format/webp", "");
        client.seen.put("urls", Map.of("get", presigned(client, HttpMethodName.GET, "图/片 a.png", Map.of()),
                "put", presigned(client, HttpMethodName.PUT, "by url", Map.of()),
                "processed", presigned(client, HttpMethodName.GET, "photo.png", processed)));
    }

    private static void copyAndDelete(Client client) {
        Region region = new Region("ap-shanghai");
        client.seen.put("copy", client.cos.copyObject(new CopyObjectRequest(
                region, client.bucket, "photo.png", client.bucket, "copied 图.png")).getETag());
        client.seen.put("presence", List.of(client.cos.doesObjectExist(client.bucket, "photo.png"),
                client.cos.doesObjectExist(client.bucket, "never")));
        client.seen.put("deleted", client.cos.deleteObjects(
                new DeleteObjectsRequest(client.bucket).withKeys("copied 图.png", "never")).getDeletedObjects().size());
        client.cos.deleteObject(client.bucket, "a//b");
        client.seen.put("gone", !client.cos.doesObjectExist(client.bucket, "a//b"));
    }

    private static String presigned(
            Client client, HttpMethodName method, String key, Map<String, String> parameters) {
        Date end = new Date(System.currentTimeMillis() + 3_600_000);
        return client.cos.generatePresignedUrl(client.bucket, key, end, method, Map.of(), parameters).toString();
    }

    static void multipart(Client client) throws Exception {
        byte[] large = "0123456789abcdef".repeat(3 * MIB / 16).concat("z").getBytes(StandardCharsets.UTF_8);
        String id = started(client, "parts");
        List<PartETag> parts = new ArrayList<>();
        for (int number = 1; number <= 2; number++) {
            byte[] part = Arrays.copyOfRange(large, (number - 1) * 2 * MIB, Math.min(number * 2 * MIB, large.length));
            parts.add(client.cos.uploadPart(new UploadPartRequest().withBucketName(client.bucket).withKey("parts")
                    .withUploadId(id).withPartNumber(number).withPartSize(part.length)
                    .withInputStream(new ByteArrayInputStream(part))).getPartETag());
        }
        int listed = client.cos.listParts(new ListPartsRequest(client.bucket, "parts", id)).getParts().size();
        String etag = client.cos.completeMultipartUpload(
                new CompleteMultipartUploadRequest(client.bucket, "parts", id, parts)).getETag();
        client.seen.put("parts", List.of(listed, etag.endsWith("-2"), Arrays.equals(read(client, "parts"), large)));
        transfer(client, large);
        String stopped = started(client, "stopped");
        int before = uploads(client);
        client.cos.abortMultipartUpload(new AbortMultipartUploadRequest(client.bucket, "stopped", stopped));
        client.seen.put("aborted", List.of(before, uploads(client)));
    }

    private static String started(Client client, String key) {
        return client.cos.initiateMultipartUpload(new InitiateMultipartUploadRequest(client.bucket, key)).getUploadId();
    }

    private static int uploads(Client client) {
        ListMultipartUploadsRequest request = new ListMultipartUploadsRequest(client.bucket);
        return client.cos.listMultipartUploads(request).getMultipartUploads().size();
    }

    private static void transfer(Client client, byte[] large) throws Exception {
        File up = File.createTempFile("java-client", ".up");
        File down = File.createTempFile("java-client", ".down");
        TransferManager manager = new TransferManager(client.cos);
        TransferManagerConfiguration configuration = new TransferManagerConfiguration();
        configuration.setMultipartUploadThreshold(MIB);
        configuration.setMinimumUploadPartSize(MIB);
        configuration.setMultipartCopyThreshold(MIB);
        configuration.setMultipartCopyPartSize(MIB);
        manager.setConfiguration(configuration);
        try {
            Files.write(up.toPath(), large);
            manager.upload(client.bucket, "uploaded", up).waitForCompletion();
            manager.download(client.bucket, "uploaded", down).waitForCompletion();
            manager.copy(client.bucket, "uploaded", client.bucket, "copied").waitForCompletion();
            client.seen.put("transfer", List.of(Arrays.equals(Files.readAllBytes(down.toPath()), large),
                    Arrays.equals(read(client, "copied"), large)));
        } finally {
            manager.shutdownNow(false);
            up.delete();
            down.delete();
        }
    }
}
