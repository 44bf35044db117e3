"""Every SQL statement: a named constant above the function that runs it.

Which modules touch which table (a test compares this with the statements):

accounts          accounts backlog credits
ai_usage          ai_usage
api_keys          accounts
batches           backlog batches image_states images retries sessions upkeep views
file_names        file_names
idempotency_keys  idempotency upkeep
images            ai_usage archives backlog batches descriptions image_states images retries
                  session_list sessions stand_ins upkeep views
ledger            credits
sessions          archives batches image_states images retries session_list sessions stand_ins
                  upkeep views
usage             credits
"""
