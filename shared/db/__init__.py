"""Every SQL statement: a named constant above the function that runs it.

Which modules touch which table (a test compares this with the statements):

accounts          accounts credits webhook_secrets
ai_usage          ai_usage
api_keys          accounts
backlog           backlog
batches           batches estimates image_states images retries sending sessions stand_ins stored
                  upkeep views webhooks
dispatcher        sending
file_names        file_names
idempotency_keys  idempotency upkeep
images            ai_usage archives backlog batches descriptions estimates image_states retries
                  sending session_list sessions stand_ins stored upkeep views work
ledger            credits
sessions          archives batches estimates image_states images retries session_list sessions
                  stand_ins upkeep views webhooks
shares            sending work
usage             credits
webhook_secrets   webhook_secrets
webhooks          images upkeep webhook_calls webhooks
work              work
"""
