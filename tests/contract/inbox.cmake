dapr_mqtt_test(inbox_contract_tests LEVEL contract TIMEOUT 300
  SOURCES held_contract.cpp inbox_contract.cpp inbox_keys_contract.cpp inbox_model_test.cpp memory_inbox.cpp sqlite_inbox.cpp
  LINKS room::storage)
