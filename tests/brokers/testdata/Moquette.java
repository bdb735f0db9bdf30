import io.moquette.broker.Server;
import io.moquette.broker.config.MemoryConfig;
import java.io.File;
import java.util.Properties;

/** Moquette.java <port> <folder>: a broker on loopback. */
public class Moquette {
  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.setProperty("host", "127.0.0.1");
    settings.setProperty("port", args[0]);
    settings.setProperty("allow_anonymous", "true");
    settings.setProperty("telemetry_enabled", "false");
    settings.setProperty("persistence_enabled", "true");
    settings.setProperty("netty.mqtt.message_size", "2097152");
    File data = new File(args[1], "data");
    data.mkdirs();
    settings.setProperty("data_path", data.getPath());
    Server broker = new Server();
    Runtime.getRuntime().addShutdownHook(new Thread(broker::stopServer));
    broker.startServer(new MemoryConfig(settings));
    Thread.currentThread().join();
  }
}
