import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;

/** Artemis.java <port> <folder>: a broker on loopback. */
public class Artemis {
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[1]);
    String data = folder.resolve("data").toString();
    String config =
        "<configuration xmlns='urn:activemq'><core xmlns='urn:activemq:core'>"
            + "<security-enabled>false</security-enabled>"
            + "<persistence-enabled>true</persistence-enabled><journal-type>NIO</journal-type>"
            + "<bindings-directory>" + data + "/bindings</bindings-directory>"
            + "<journal-directory>" + data + "/journal</journal-directory>"
            + "<large-messages-directory>" + data + "/large</large-messages-directory>"
            + "<paging-directory>" + data + "/paging</paging-directory>"
            + "<acceptors><acceptor name='mqtt'>tcp://127.0.0.1:" + args[0] + "?protocols=MQTT</acceptor></acceptors>"
            + "</core></configuration>";
    Path file = folder.resolve("broker.xml");
    Files.writeString(file, config);
    EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
    broker.setConfigResourcePath(file.toUri().toString());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        broker.stop();
      } catch (Exception e) {
        e.printStackTrace();
      }
    }));
    broker.start();
    Thread.currentThread().join();
  }
}
