import java.io.File;
import org.apache.activemq.broker.BrokerService;

/** ActiveMQ.java <port> <folder>: a broker on loopback. */
public class ActiveMQ {
  public static void main(String[] args) throws Exception {
    BrokerService broker = new BrokerService();
    broker.setUseJmx(false);
    broker.setDataDirectoryFile(new File(args[1], "data"));
    broker.addConnector("mqtt://127.0.0.1:" + args[0]);
    broker.start(); // stops with the process by a hook of its own
    broker.waitUntilStopped();
  }
}
