import com.fasterxml.jackson.databind.ObjectMapper;
import com.qcloud.cos.model.COSObject;
import com.qcloud.cos.model.CompleteMultipartUploadRequest;
import com.qcloud.cos.model.CompleteMultipartUploadResult;
import com.qcloud.cos.model.GetObjectRequest;
import com.qcloud.cos.model.InitiateMultipartUploadRequest;
import com.qcloud.cos.model.PutObjectRequest;
import com.qcloud.cos.model.UploadPartRequest;
import com.qcloud.cos.model.ciModel.common.ImageProcessRequest;
import com.qcloud.cos.model.ciModel.persistence.CIUploadResult;
import com.qcloud.cos.model.ciModel.persistence.OriginalInfo;
import com.qcloud.cos.model.ciModel.persistence.PicOperations;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The three ways of processing, and information. */
final class Images {
    private Images() {}

    /** An answer with its bytes, which the caller decodes. */
    static Map<String, String> get(Client client, String key, String operation) throws IOException {
        GetObjectRequest request = new GetObjectRequest(client.bucket, key);
        if (operation != null) {
            request.putCustomQueryParameter(operation, null);
        }
        try (COSObject object = client.cos.getObject(request)) {
            byte[] data = object.getObjectContent().readAllBytes();
            return Map.of("type", object.getObjectMetadata().getContentType(),
                    "data", Base64.getEncoder().encodeToString(data));
        }
    }

    private static PicOperations operations(Client client) {
        PicOperations operations = new PicOperations();
        operations.setIsPicInfo(1);
        operations.setRules(List.of(rule(client, "small.webp", "imageMogr2/thumbnail/60x/format/webp"),
                rule(client, "/tpg/photo.tpg", "imageMogr2/thumbnail/60x/format/tpg")));
        return operations;
    }

    private static PicOperations.Rule rule(Client client, String name, String text) {
        PicOperations.Rule rule = new PicOperations.Rule();
        rule.setBucket(client.bucket);
        rule.setFileId(name);
        rule.setRule(text);
        return rule;
    }

    private static List<Map<String, Object>> results(CIUploadResult answer) {
        return answer.getProcessResults().getObjectList().stream().map(item -> Map.<String, Object>of(
                "key", item.getKey(), "format", item.getFormat(), "width", item.getWidth(), "height", item.getHeight(),
                "size", item.getSize(), "etag", item.getEtag())).collect(Collectors.toList());
    }

    static void run(Client client) throws Exception {
        Map<String, Map<String, String>> got = new TreeMap<>();
        for (String format : List.of("tpg", "heif", "avif", "webp")) {
            got.put(format, get(client, "photo.png", "imageMogr2/thumbnail/120x/format/" + format));
        }
        got.put("pipeline", get(client, "photo.png", "imageMogr2/thumbnail/60x|imageMogr2/format/jpg"));
        client.seen.put("got", got);
        byte[] info = Base64.getDecoder().decode(get(client, "photo.png", "imageInfo").get("data"));
        client.seen.put("info", new ObjectMapper().readValue(info, Map.class));

        PutObjectRequest request = new PutObjectRequest(client.bucket, "dir/photo.png", client.photo);
        request.setPicOperations(operations(client));
        CIUploadResult put = client.cos.putObject(request).getCiUploadResult();
        OriginalInfo original = put.getOriginalInfo();
        client.seen.put("original", List.of(original.getKey(), original.getEtag(),
                original.getImageInfo().getFormat(), original.getImageInfo().getWidth()));
        client.seen.put("put", results(put));
        ImageProcessRequest process = new ImageProcessRequest(client.bucket, "dir/photo.png");
        process.setPicOperations(operations(client));
        client.seen.put("posted", results(client.cos.processImage(process)));
        client.seen.put("stored", Map.of("dir/small.webp", get(client, "dir/small.webp", null),
                "tpg/photo.tpg", get(client, "tpg/photo.tpg", null)));
        sliced(client);
    }

    /** A picture uploaded in parts, and its result made on completion. */
    private static void sliced(Client client) throws IOException {
        String id = client.cos.initiateMultipartUpload(
                new InitiateMultipartUploadRequest(client.bucket, "sliced/photo.png")).getUploadId();
        UploadPartRequest part = new UploadPartRequest().withBucketName(client.bucket).withKey("sliced/photo.png")
                .withUploadId(id).withPartNumber(1).withPartSize(client.photo.length()).withFile(client.photo);
        CompleteMultipartUploadRequest request = new CompleteMultipartUploadRequest(client.bucket,
                "sliced/photo.png", id, new ArrayList<>(List.of(client.cos.uploadPart(part).getPartETag())));
        request.setPicOperations(operations(client));
        CompleteMultipartUploadResult done = client.cos.completeMultipartUpload(request);
        client.seen.put("sliced", Map.of("etag", done.getETag(), "results", results(done.getCiUploadResult()),
                "result", get(client, "sliced/small.webp", null)));
    }
}
