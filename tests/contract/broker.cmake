# The ports of core/broker.h with Paho and a real mosquitto.
dapr_mqtt_test(broker_contract_tests LEVEL contract TIMEOUT 180
  SOURCES
    broker_contract_test.cpp broker_doubt_test.cpp broker_failure_test.cpp broker_mqtt5_test.cpp broker_session_test.cpp
    broker_tls_test.cpp broker_transport_test.cpp
  LINKS room::mqtt test_support)
