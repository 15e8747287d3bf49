//! Size, time and number.

use super::*;

const SOON: Duration = Duration::from_millis(200);
/// Much longer than [`SOON`], for machines that are busy.
const LATE: Duration = Duration::from_secs(20);

fn hasty(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

#[tokio::test]
async fn bodies_have_a_size() {
    let server = Running::start(hasty(|o| o.max_body = 1000)).await;
    assert_eq!(server.ask(post(&format!("a={}", "b".repeat(998)))).await.status, 200);
    for length in [1001, 5_000, 8_000, 9_000] {
        let answer = server.ask(post(&"b".repeat(length))).await;
        assert_eq!(answer.status, 413, "{length}");
        assert!(answer.body.contains("<Code>RequestEntityTooLarge</Code>"), "{answer:?}");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    // More than sockets hold: the client reads only when it has written everything.
    let usual = Running::start(Options::default()).await;
    assert_eq!(usual.ask(post(&"b".repeat(7 << 20))).await.status, 413);
    let chunk = format!("3e8\r\n{}\r\n", "b".repeat(1000));
    let chunked = post("").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    assert_eq!(server.ask(format!("{chunked}{chunk}0\r\n\r\n")).await.status, 200);
    assert_eq!(server.ask(format!("{chunked}{chunk}{chunk}0\r\n\r\n")).await.status, 413);
}

#[tokio::test]
async fn who_asks_first_need_not_send_a_body_that_is_too_large() {
    let server = Running::start(hasty(|o| o.max_body = 1000)).await;
    let head = |length: usize| {
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
    };
    assert_eq!(server.ask(head(1001)).await.status, 413);
    let mut client = server.connect().await;
    client.send(head(3)).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("a=b").await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn heads_have_a_size() {
    let server = Running::start(Options::default()).await;
    let target = |n: usize| format!("/?a={}", "b".repeat(n));
    assert_eq!(server.ask(get(&target(50_000))).await.status, 200);
    let answer = server.ask(get(&target(64 << 10))).await;
    assert!(matches!(answer.status, 414 | 431), "{answer:?}");
}

#[tokio::test]
async fn forms_have_a_number_of_members() {
    let server = Running::start(Options::default()).await;
    let form: String = (0..10_001).map(|i| format!("{i}=&")).collect();
    let answer = server.ask(post(&form)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("there are more than 10000 parameters"), "{answer:?}");
}

#[tokio::test]
async fn slow_heads_are_cut_off() {
    let server = Running::start(hasty(|o| o.limits.head = SOON)).await;
    let mut silent = server.connect().await;
    assert!(silent.closed_within(LATE).await);
    let mut slow = server.connect().await;
    let dripped = async {
        for b in get("/?a=b").bytes().cycle() {
            if slow.0.write_all(&[b]).await.is_err() {
                return;
            }
            tokio::time::sleep(SOON / 10).await;
        }
    };
    // The whole head would take 1.2 s, each byte no more than 20 ms.
    assert!(tokio::time::timeout(LATE, dripped).await.is_ok());
    let log = server.service.log.lock().unwrap();
    assert!(log.is_empty(), "no request was made: {log:?}");
}

#[tokio::test]
async fn a_second_head_is_timed_too() {
    let server = Running::start(hasty(|o| o.limits.head = SOON)).await;
    let mut client = server.connect().await;
    client.send(post("a=b")).await;
    assert_eq!(client.answer().await.status, 200);
    // It may idle for longer.
    assert!(client.silent_for(2 * SOON).await);
    client.send("POST / ").await;
    assert!(client.closed_within(LATE).await);
}

#[tokio::test]
async fn slow_bodies_are_answered_and_closed() {
    let server = Running::start(hasty(|o| o.limits.body = SOON)).await;
    let mut client = server.connect().await;
    client.send(post("Action=DescribeVpcs").strip_suffix("Vpcs").unwrap()).await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("<Code>RequestTimeout</Code>"), "{answer:?}");
    assert!(client.closed_within(LATE).await);
}

#[tokio::test]
async fn large_bodies_wait_for_each_other_and_small_ones_for_none() {
    let server = Running::start(Options::default()).await;
    let form = format!("a={}", "b".repeat(100_000));
    let large = post(&form);
    let (most, last) = large.split_at(large.len() - 1);
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut client = server.connect().await;
        client.send(most).await;
        held.push(client);
    }
    // Long enough for the server to see them all: whoever comes now finds every place taken.
    tokio::time::sleep(SOON).await;
    let mut late = server.connect().await;
    late.send(&large).await;
    assert!(late.silent_for(SOON).await);
    assert_eq!(server.ask(post("a=b")).await.status, 200);
    held[0].send(last).await;
    assert_eq!(held[0].answer().await.status, 200);
    assert_eq!(late.answer().await.status, 200);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Running::start(hasty(|o| o.limits.idle = SOON)).await;
    let mut client = server.connect().await;
    client.send(post("a=b")).await;
    assert_eq!(client.answer().await.status, 200);
    assert!(client.closed_within(LATE).await);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_given_up() {
    let server = Running::start(hasty(|o| (o.limits.answer, o.limits.head) = (SOON, SOON))).await;
    let mut client = server.connect().await;
    let request = post(&format!("a={}", "b".repeat(500_000)));
    // Far more than the kernel holds for us; at some point nothing is taken any more, then the connection is gone.
    let sent = async { while client.0.write_all(request.as_bytes()).await.is_ok() {} };
    assert!(tokio::time::timeout(LATE, sent).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_connections_at_once_are_answered() {
    let server = Arc::new(Running::start(Options::default()).await);
    let mut clients = Vec::new();
    for _ in 0..500 {
        clients.push(server.connect().await);
    }
    let asked: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(i, mut client)| {
            tokio::spawn(async move {
                client.send(post(&format!("n={i}"))).await;
                (client.answer().await.body, client)
            })
        })
        .collect();
    for (i, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap().0, format!("ec2 us-east-1 nobody\nn={i}\n"));
    }
}

#[tokio::test]
async fn newcomers_get_the_places_of_those_that_idle() {
    let server = Running::start(hasty(|o| o.max_connections = 4)).await;
    let mut held = Vec::new();
    // Everybody keeps the connection; nobody but the first few could be served if that counted.
    for i in 0..40 {
        let mut client = server.connect().await;
        client.send(post(&format!("n={i}"))).await;
        let answer = tokio::time::timeout(LATE, client.answer()).await.expect("no place became free");
        assert_eq!(answer.status, 200);
        held.push(client);
    }
    assert!(held[0].closed_within(LATE).await);
}

#[tokio::test]
async fn newcomers_wait_while_all_places_are_at_work() {
    let server = Running::start(hasty(|o| o.max_connections = 1)).await;
    let mut first = server.connect().await;
    first.send(post("Action=Wait")).await;
    server.service.waiting.notified().await;
    let mut second = server.connect().await;
    second.send(post("a=b")).await;
    assert!(second.silent_for(SOON).await);
    server.service.go.notify_one();
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(second.answer().await.status, 200);
}

#[tokio::test]
async fn a_stop_lets_calls_finish() {
    let server = Running::start(Options::default()).await;
    let mut idle = server.connect().await;
    idle.send(post("a=b")).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = server.connect().await;
    busy.send(post("Action=Wait")).await;
    server.service.waiting.notified().await;
    server.stop.send(()).unwrap();
    assert!(idle.closed_within(LATE).await);
    assert!(TcpStream::connect(server.address).await.is_err(), "still accepting");
    server.service.go.notify_one();
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.served.await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let server = Running::start(hasty(|o| o.limits.grace = SOON)).await;
    let mut busy = server.connect().await;
    busy.send(post("Action=Wait")).await;
    server.service.waiting.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.served.await.unwrap(), 1);
    assert!(busy.closed_within(LATE).await);
}

#[tokio::test]
async fn calls_run_to_their_end_without_their_client() {
    let server = Running::start(Options::default()).await;
    let mut client = server.connect().await;
    client.send(post("Action=Wait")).await;
    server.service.waiting.notified().await;
    drop(client);
    // Long enough for the server to see that the client is gone.
    tokio::time::sleep(SOON).await;
    server.stop.send(()).unwrap();
    tokio::time::sleep(SOON).await;
    assert!(!server.served.is_finished(), "a stop waits for such a call too");
    server.service.go.notify_one();
    assert_eq!(server.served.await.unwrap(), 0);
    assert_eq!(server.service.log.lock().unwrap().len(), 1);
}
