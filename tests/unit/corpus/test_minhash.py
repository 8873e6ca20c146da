from bedstone.corpus.minhash import STAGE
from bedstone.corpus.signatures import exact_digest, signature_of

TEXT = "one two three four five six seven eight nine ten eleven twelve"


def test_a_signature_for_each_document(table_shard, run, rows):
    documents = table_shard("documents", {"id": ["x", "y"], "text": [TEXT, "kort"]})
    result, made = run(STAGE, {"functions": 8}, documents=documents)
    signed, short = rows(made, "signatures.parquet")
    assert signed == {
        "id": "x",
        "exact": exact_digest(TEXT),
        "signature": signature_of(TEXT, 8, 1, 5).tolist(),
        "characters": len(TEXT),
    }
    assert short["signature"] is None
    assert result.metrics == {"input_documents": 2, "unsigned_documents": 1}
