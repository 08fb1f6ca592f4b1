from tests.pair import JoinPair


def test_a_worker_joins(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join()
        assert outcome.joined

    play(body)
