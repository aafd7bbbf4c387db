import com.qcloud.cos.model.AccessControlList;
import com.qcloud.cos.model.Bucket;
import com.qcloud.cos.model.BucketCrossOriginConfiguration;
import com.qcloud.cos.model.BucketTaggingConfiguration;
import com.qcloud.cos.model.CORSRule;
import com.qcloud.cos.model.COSObjectSummary;
import com.qcloud.cos.model.CannedAccessControlList;
import com.qcloud.cos.model.DeleteObjectTaggingRequest;
import com.qcloud.cos.model.GetObjectTaggingRequest;
import com.qcloud.cos.model.ListObjectsRequest;
import com.qcloud.cos.model.ObjectListing;
import com.qcloud.cos.model.ObjectTagging;
import com.qcloud.cos.model.SetObjectTaggingRequest;
import com.qcloud.cos.model.Tag.Tag;
import com.qcloud.cos.model.TagSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Buckets, listings and who may do what. */
final class Buckets {
    private Buckets() {}

    static void run(Client client) {
        client.cos.createBucket(client.bucket);
        List<String> names = client.cos.listBuckets().stream().map(Bucket::getName).collect(Collectors.toList());
        client.seen.put("buckets", names);
        client.seen.put("exists", client.cos.doesBucketExist(client.bucket));
        client.seen.put("location", client.cos.getBucketLocation(client.bucket));
        for (String key : List.of("l/a b+c%.txt", "l/d/1", "l/d/2", "l/图.png")) {
            client.cos.putObject(client.bucket, key, key);
        }
        ListObjectsRequest request = new ListObjectsRequest(client.bucket, "l/", null, null, 2);
        List<String> listed = new ArrayList<>();
        int pages = 0;
        ObjectListing page;
        do {
            page = client.cos.listObjects(request);
            page.getObjectSummaries().stream().map(COSObjectSummary::getKey).forEach(listed::add);
            request.setMarker(page.getNextMarker());
            pages += 1;
        } while (page.isTruncated());
        client.seen.put("listed", listed);
        client.seen.put("pages", pages);
        request = new ListObjectsRequest(client.bucket, "l/", null, "/", 1000);
        client.seen.put("prefixes", client.cos.listObjects(request).getCommonPrefixes());
    }

    static void access(Client client) {
        acl(client);
        client.cos.setBucketTaggingConfiguration(client.bucket,
                new BucketTaggingConfiguration(List.of(new TagSet(Map.of("project", "one two")))));
        client.cos.setObjectTagging(new SetObjectTaggingRequest(client.bucket, "photo.png",
                new ObjectTagging(List.of(new Tag("project", "three")))));
        List<List<String>> tagging = new ArrayList<>();
        client.cos.getBucketTaggingConfiguration(client.bucket).getTagSet().getAllTags()
                .forEach((key, value) -> tagging.add(List.of(key, value)));
        client.cos.getObjectTagging(new GetObjectTaggingRequest(client.bucket, "photo.png")).getTagSet()
                .forEach(tag -> tagging.add(List.of(tag.getKey(), tag.getValue())));
        client.seen.put("tagging", tagging);
        client.cos.deleteBucketTaggingConfiguration(client.bucket);
        client.cos.deleteObjectTagging(new DeleteObjectTaggingRequest(client.bucket, "photo.png"));

        CORSRule rule = new CORSRule().withAllowedMethods(List.of(CORSRule.AllowedMethods.GET))
                .withAllowedOrigins(List.of("https://a.example.com")).withAllowedHeaders(List.of("*"))
                .withMaxAgeSeconds(600);
        client.cos.setBucketCrossOriginConfiguration(client.bucket,
                new BucketCrossOriginConfiguration(List.of(rule)));
        rule = client.cos.getBucketCrossOriginConfiguration(client.bucket).getRules().get(0);
        client.seen.put("cors", List.of(rule.getAllowedOrigins().get(0), rule.getAllowedMethods().get(0).toString(),
                rule.getMaxAgeSeconds()));
        client.cos.deleteBucketCrossOriginConfiguration(client.bucket);
    }

    private static void acl(Client client) {
        client.cos.setBucketAcl(client.bucket, CannedAccessControlList.PublicRead);
        client.cos.setObjectAcl(client.bucket, "photo.png", CannedAccessControlList.Private);
        AccessControlList bucket = client.cos.getBucketAcl(client.bucket);
        AccessControlList object = client.cos.getObjectAcl(client.bucket, "photo.png");
        client.seen.put("acl", List.of(bucket.getCannedAccessControl().toString(),
                object.getCannedAccessControl().toString()));
        client.cos.setBucketAcl(client.bucket, CannedAccessControlList.Private);
    }
}
