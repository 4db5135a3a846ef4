// Sends with Microsoft's client for Node, reads everything back, and prints what it saw as one line of JSON.
import { earliestEventPosition, EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";

const [connectionString, hub] = process.argv.slice(2);
const large = Buffer.alloc(1_000_000, 7);

const producer = new EventHubProducerClient(connectionString, hub);
const partitions = await producer.getPartitionIds();
const batch = await producer.createBatch({ partitionId: "1" });
for (let n = 0; n < 10; n++) {
  batch.tryAdd({ body: Buffer.from(`node ${n}`), properties: { n }, contentType: "text/plain" });
}
await producer.sendBatch(batch);
await producer.sendBatch([{ body: { celsius: 21.5 } }], { partitionKey: "device-1" });
await producer.sendBatch([{ body: large }], { partitionId: "0" });
const last = await producer.getPartitionProperties("1");
await producer.close();

function seen(event, context) {
  const bytes = Buffer.isBuffer(event.body);
  return {
    partition: context.partitionId,
    number: event.sequenceNumber,
    offset: event.offset,
    body: !bytes ? event.body : event.body.equals(large) ? "large" : event.body.toString(),
    properties: event.properties ?? null,
    key: event.partitionKey ?? null,
    contentType: event.contentType ?? null,
    last: context.lastEnqueuedEventProperties?.sequenceNumber,
  };
}

const consumer = new EventHubConsumerClient("$Default", connectionString, hub);
const events = [];
await new Promise((done, failed) => {
  consumer.subscribe(
    {
      processEvents: async (received, context) => {
        events.push(...received.map((event) => seen(event, context)));
        if (events.length >= 13) done(); // one was there before
      },
      processError: async (problem) => failed(problem),
    },
    { startPosition: earliestEventPosition, trackLastEnqueuedEventProperties: true, maxWaitTimeInSeconds: 1 },
  );
});
await consumer.close();
console.log(JSON.stringify({ partitions, last: last.lastEnqueuedSequenceNumber, events }));
