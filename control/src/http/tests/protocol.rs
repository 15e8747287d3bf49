//! What is understood, and what is refused and how.

use super::*;

#[tokio::test]
async fn get_and_post_are_equal() {
    let server = Running::start(Options::default()).await;
    let form = "Action=DescribeVpcs&Version=2016-11-15&Filter.1.Value.1=a+b%2Bc%C3%BC";
    let posted = server.ask(post(form)).await;
    assert_eq!(posted.status, 200);
    assert_eq!(posted.body, "ec2 us-east-1 nobody\nAction=DescribeVpcs\nVersion=2016-11-15\nFilter.1.Value.1=a b+cü\n");
    for target in [format!("/?{form}"), format!("http://localhost/?{form}"), format!("/ec2/?{form}")] {
        let got = server.ask(get(&target)).await;
        assert_eq!((got.status, got.body), (200, posted.body.clone()), "{target}");
    }
    let (query, body) = form.split_at(form.find('&').unwrap());
    let both = post(body).replace("POST /", &format!("POST /?{query}"));
    assert_eq!(server.ask(both).await.body, posted.body, "members of both places");
}

#[tokio::test]
async fn answers_carry_a_request_id_and_are_logged_under_it() {
    let server = Running::start(Options::default()).await;
    let answer = server.ask(post("Action=DescribeVpcs&Version=2016-11-15")).await;
    let refused = server.ask(post("Action=%")).await;
    let other = server.ask(get("/healthz")).await;
    let log = server.service.log.lock().unwrap();
    let seen: Vec<_> =
        log.iter().map(|a| (a.method.as_str(), a.path.as_str(), a.action.as_deref(), a.status)).collect();
    assert_eq!(
        seen,
        [("POST", "/", Some("DescribeVpcs"), 200), ("POST", "/", None, 400), ("GET", "/healthz", None, 200)]
    );
    for (answer, access) in [&answer, &refused, &other].into_iter().zip(log.iter()) {
        assert_eq!(answer.header("x-amzn-RequestId"), Some(access.request_id.as_str()));
        assert_eq!(access.bytes, answer.body.len());
        assert!(access.peer.ip().is_loopback());
    }
    assert!(refused.body.ends_with(&log[1].request_id), "the refusal's text has it too: {}", refused.body);
}

#[tokio::test]
async fn connections_are_kept_and_requests_may_be_pipelined() {
    let server = Running::start(Options::default()).await;
    let mut client = server.connect().await;
    for i in 0..10 {
        client.send(post(&format!("n={i}"))).await;
        assert_eq!(client.answer().await.body, format!("ec2 us-east-1 nobody\nn={i}\n"));
    }
    // A refusal does not end a connection.
    client.send(post("n=%")).await;
    assert_eq!(client.answer().await.status, 400);
    let many: String =
        (0..50).map(|i| if i % 2 == 0 { post(&format!("n={i}")) } else { get(&format!("/?n={i}")) }).collect();
    client.send(many).await;
    for i in 0..50 {
        assert_eq!(client.answer().await.body, format!("ec2 us-east-1 nobody\nn={i}\n"));
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused_in_the_services_own_words() {
    let server = Running::start(Options::default()).await;
    let typed = |kind: &str| post("{}").replace("application/x-www-form-urlencoded; charset=utf-8", kind);
    for (request, status, code, message) in [
        (post("Action=%zz"), 400, "MalformedQueryString", "in the parameter Action"),
        (post("Action=%ff"), 400, "MalformedQueryString", "the parameter Action is not UTF-8"),
        (get("/?Action=%ff"), 400, "MalformedQueryString", "the parameter Action is not UTF-8"),
        (post("Action=a&Action=a"), 400, "MalformedQueryString", "the parameter Action is given more than once"),
        (
            post("A=1").replace("POST /", "POST /?A=2"),
            400,
            "MalformedQueryString",
            "the parameter A is given more than once",
        ),
        (typed("application/x-amz-json-1.1"), 415, "MalformedHttpRequest", "application/x-amz-json-1.1"),
        (typed("application/x-www-form-urlencoded; charset=latin1"), 415, "MalformedHttpRequest", "charset=latin1"),
        (typed("text/plain"), 415, "MalformedHttpRequest", "text/plain"),
        (post("a=b").replace("Host", "Content-Encoding: gzip\r\nHost"), 415, "MalformedHttpRequest", "gzip"),
        (post("A=1").replace("POST", "PUT"), 405, "MethodNotAllowed", "PUT"),
        (get("/").replace("GET", "DELETE"), 405, "MethodNotAllowed", "DELETE"),
        (get("/").replace("GET", "OPTIONS"), 405, "MethodNotAllowed", "OPTIONS"),
        (get("/bucket"), 404, "NotFound", "/bucket"),
        (get("/bucket").replace("GET", "PUT"), 404, "NotFound", "/bucket"),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        assert!(answer.body.starts_with(&format!("<ec2><Code>{code}</Code><Message>")), "{request}: {answer:?}");
        assert!(answer.body.contains(message), "{request}: {answer:?}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET, POST"));
    }
}

#[tokio::test]
async fn head_is_refused_without_a_body() {
    let server = Running::start(Options::default()).await;
    let mut client = server.connect().await;
    client.send(get("/").replace("GET", "HEAD").replace("Host", "Connection: close\r\nHost")).await;
    let mut all = String::new();
    client.0.read_to_string(&mut all).await.unwrap();
    assert!(all.starts_with("HTTP/1.1 405 ") && all.ends_with("\r\n\r\n"), "{all}");
}

#[tokio::test]
async fn other_paths_are_the_services() {
    let server = Running::start(Options::default()).await;
    assert_eq!(server.ask(get("/healthz?full=%")).await.body, "GET /healthz?full=% 0");
    let json = post("{\"a\":1}")
        .replace("POST /", "PUT /healthz")
        .replace("application/x-www-form-urlencoded", "application/json");
    assert_eq!(server.ask(json).await.body, "PUT /healthz 7");
}

#[tokio::test]
async fn garbage_is_answered_or_closed_and_the_server_lives() {
    let server = Running::start(Options::default()).await;
    let tls = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 300]].concat();
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    for garbage in [
        &b"\0\0\0\0\r\n\r\n"[..],
        &tls,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        many_headers.as_bytes(),
    ] {
        let mut client = server.connect().await;
        client.send(garbage).await;
        client.0.shutdown().await.unwrap();
        let mut all = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), client.0.read_to_end(&mut all)).await;
        assert!(read.is_ok(), "neither answered nor closed: {}", garbage.escape_ascii());
        assert!(all.is_empty() || all.starts_with(b"HTTP/1.1 4"), "{}", all.escape_ascii());
    }
    assert_eq!(server.ask(post("a=b")).await.status, 200);
}
