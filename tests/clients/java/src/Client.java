import com.fasterxml.jackson.databind.ObjectMapper;
import com.qcloud.cos.COSClient;
import com.qcloud.cos.ClientConfig;
import com.qcloud.cos.auth.BasicCOSCredentials;
import com.qcloud.cos.auth.BasicSessionCredentials;
import com.qcloud.cos.endpoint.EndpointBuilder;
import com.qcloud.cos.endpoint.EndpointResolver;
import com.qcloud.cos.exception.CosServiceException;
import com.qcloud.cos.http.HttpProtocol;
import com.qcloud.cos.region.Region;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Drives cos_api, the COS SDK for Java, against a server and prints one JSON object of what it saw.
 *
 * <p>Arguments: the connection (proxy, resolver or builder), port, SecretId, SecretKey, a PNG photo, and
 * SecretId, SecretKey and token of a temporary key.
 */
public final class Client {
    /** A call that may fail. */
    interface Call {
        void run() throws Exception;
    }

    final COSClient cos;
    final String bucket;
    final File photo;
    final Map<String, Object> seen = new TreeMap<>();

    private Client(COSClient cos, String bucket, File photo) {
        this.cos = cos;
        this.bucket = bucket;
        this.photo = photo;
        seen.put("bucket", bucket);
    }

    public static void main(String[] arguments) throws Exception {
        String connection = arguments[0];
        ClientConfig config = connect(connection, Integer.parseInt(arguments[1]));
        COSClient cos = new COSClient(new BasicCOSCredentials(arguments[2], arguments[3]), config);
        Client client = new Client(cos, "java-" + connection + "-1250000000", new File(arguments[4]));
        Buckets.run(client);
        Objects.run(client);
        Objects.multipart(client);
        Buckets.access(client);
        Images.run(client);
        client.errors();
        client.temporary(new BasicSessionCredentials(arguments[5], arguments[6], arguments[7]));
        cos.shutdown();
        System.out.println(new ObjectMapper().writeValueAsString(client.seen));
    }

    private static ClientConfig connect(String connection, int port) {
        ClientConfig config = new ClientConfig(new Region("ap-shanghai"));
        config.setHttpProtocol(HttpProtocol.http);
        config.setMaxErrorRetry(0); // what needs a second try is a fault
        String server = "127.0.0.1:" + port;
        switch (connection) {
            case "proxy":
                config.setHttpProxyIp("127.0.0.1");
                config.setHttpProxyPort(port);
                break;
            case "resolver":
                config.setEndpointResolver(new EndpointResolver() {
                    @Override
                    public String resolveGeneralApiEndpoint(String endpoint) {
                        return server;
                    }

                    @Override
                    public String resolveGetServiceApiEndpoint(String endpoint) {
                        return server;
                    }
                });
                break;
            default:
                config.setEndpointBuilder(new EndpointBuilder() {
                    @Override
                    public String buildGeneralApiEndpoint(String bucket) {
                        return bucket + ".localhost:" + port;
                    }

                    @Override
                    public String buildGetServiceApiEndpoint() {
                        return server;
                    }
                });
        }
        return config;
    }

    /** A little with a temporary key. */
    private void temporary(BasicSessionCredentials credentials) throws Exception {
        cos.setCOSCredentials(credentials);
        cos.putObject(bucket, "by token", "by token");
        Date end = new Date(System.currentTimeMillis() + 3_600_000);
        String url = cos.generatePresignedUrl(bucket, "by token", end).toString();
        seen.put("temporary", List.of(new String(Objects.read(this, "by token"), StandardCharsets.UTF_8), url));
    }

    private void errors() {
        seen.put("errors", Map.of(
                "missing", failure(() -> cos.getObject(bucket, "missing")),
                "headless", failure(() -> cos.getObjectMetadata(bucket, "missing")),
                "rotated", failure(() -> Images.get(this, "photo.png", "imageMogr2/rotate/abc"))));
    }

    /** What the SDK makes of an error. */
    static Map<String, Object> failure(Call call) {
        try {
            call.run();
            return Map.of();
        } catch (CosServiceException error) {
            return Map.of("status", error.getStatusCode(), "code", error.getErrorCode(), "message",
                    error.getErrorMessage(), "id", error.getRequestId() != null && !error.getRequestId().isEmpty());
        } catch (Exception error) {
            return Map.of("error", error.toString());
        }
    }
}
