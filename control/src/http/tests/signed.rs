//! Servers with credentials and without.

use super::*;
use crate::http::credentials::tests::credentials;
use crate::http::sigv4::{Message, Scope, tests::signature};

const SCOPE: &str = "us-west-2/ec2/aws4_request";

fn guarded() -> Options {
    let keys = "[a]\naws_access_key_id = AKID\naws_secret_access_key = secret\n";
    Options { credentials: Some(credentials(keys)), ..Options::default() }
}

/// A form, signed now.
fn signed(form: &str, scope: &str, secret: &str) -> String {
    let time = timestamp::basic(timestamp::now());
    let scope = format!("AKID/{}/{scope}", &time[..8]);
    let request =
        hyper::Request::builder().method("POST").uri("/").header("host", "localhost").header("x-amz-date", &time);
    let (head, ()) = request.body(()).unwrap().into_parts();
    let message = Message { head: &head, query: &[], body: form.as_bytes() };
    let signature = signature(message, Scope::parse(&scope).unwrap(), &time, "host;x-amz-date", secret);
    post(form).replace(
        "Host",
        &format!(
            "X-Amz-Date: {time}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={scope}, \
             SignedHeaders=host;x-amz-date, Signature={signature}\r\nHost"
        ),
    )
}

#[tokio::test]
async fn who_signed_is_served_and_known() {
    let server = Running::start(guarded()).await;
    let answer = server.ask(signed("Action=DescribeVpcs", SCOPE, "secret")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ec2 us-west-2 AKID\nAction=DescribeVpcs\n"));
    let log = server.service.log.lock().unwrap();
    assert_eq!((log[0].access_key.as_deref(), log[0].region.as_str()), (Some("AKID"), "us-west-2"));
}

#[tokio::test]
async fn who_did_not_sign_is_refused_by_the_service_that_was_meant() {
    let server = Running::start(guarded()).await;
    let sts = "us-west-2/sts/aws4_request";
    for (request, status, start) in [
        (signed("Action=A", SCOPE, "wrong"), 401, "<ec2><Code>AuthFailure</Code>"),
        (signed("Action=A", sts, "wrong"), 403, "<sts><Code>SignatureDoesNotMatch</Code>"),
        (signed("Action=A", SCOPE, "secret").replace("AKID", "AKIE"), 401, "<ec2><Code>AuthFailure</Code>"),
        (signed("Action=A", sts, "secret").replace("AKID", "AKIE"), 403, "<sts><Code>InvalidClientTokenId</Code>"),
        (signed("Action=A", SCOPE, "secret").replace("Action=A", "Action=B"), 401, "<ec2><Code>AuthFailure</Code>"),
        (post("Action=A"), 403, "<ec2><Code>MissingAuthenticationToken</Code>"),
        (post(""), 403, "<ec2><Code>MissingAuthenticationToken</Code>"),
        (signed("Action=A", SCOPE, "secret").replace("Signature=", "S="), 400, "<ec2><Code>IncompleteSignature</Code>"),
        (signed("%", sts, "secret"), 400, "<sts><Code>MalformedQueryString</Code>"),
    ] {
        let answer = server.ask(&request).await;
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.body.starts_with(start), "{request}: {answer:?}");
    }
    assert_eq!(server.ask(get("/healthz")).await.status, 200, "other paths are open");
}

#[tokio::test]
async fn without_credentials_any_signature_names_its_scope() {
    let server = Running::start(Options { region: "eu-west-1".into(), ..Options::default() }).await;
    let ask = async |request: String| server.ask(request).await.body;
    assert_eq!(ask(signed("a=b", SCOPE, "anything")).await, "ec2 us-west-2 AKID\na=b\n");
    assert_eq!(ask(signed("a=b", "eu-west-3/sts/aws4_request", "x")).await, "sts eu-west-3 AKID\na=b\n");
    assert_eq!(ask(post("a=b")).await, "ec2 eu-west-1 nobody\na=b\n");
    assert_eq!(
        ask(post("a=b").replace("Host", "Authorization: Bearer x\r\nHost")).await,
        "ec2 eu-west-1 nobody\na=b\n"
    );
    let half = post("a=b").replace("Host", "Authorization: AWS4-HMAC-SHA256 Credential=test\r\nHost");
    assert_eq!(ask(half).await, "ec2 eu-west-1 nobody\na=b\n");
    let presigned = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20200101%2Fus-west-1%2Fec2%2Faws4_request&a=b\
                     &X-Amz-Date=20200101T000000Z&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    assert_eq!(ask(get(presigned)).await, "ec2 us-west-1 K\na=b\n");
    let v2 =
        "AWSAccessKeyId=K&SignatureVersion=2&SignatureMethod=HmacSHA1&Timestamp=2000-01-01T00:00:00Z&Signature=x&a=b";
    assert_eq!(ask(get(&format!("/?{v2}"))).await, "ec2 eu-west-1 K\na=b\n");
    assert_eq!(ask(post(v2)).await, "ec2 eu-west-1 K\na=b\n");
    // Where there is no signature, nothing is taken for a part of it.
    assert_eq!(ask(post("Expires=1&Timestamp=2")).await, "ec2 eu-west-1 nobody\nExpires=1\nTimestamp=2\n");
}

#[tokio::test]
async fn pages_in_browsers_are_refused() {
    let server = Running::start(Options::default()).await;
    for header in
        ["Origin: https://example.com", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]
    {
        for request in [post("Action=RunInstances"), get("/?Action=RunInstances"), get("/healthz")] {
            let answer = server.ask(request.replace("Host", &format!("{header}\r\nHost"))).await;
            assert_eq!(answer.status, 403, "{header}");
            assert!(answer.body.contains("<Code>AccessDenied</Code>"), "{answer:?}");
        }
    }
    // Typed into the address bar.
    assert_eq!(server.ask(get("/healthz").replace("Host", "Sec-Fetch-Site: none\r\nHost")).await.status, 200);
}

#[tokio::test]
async fn names_that_may_be_anybodys_are_refused_without_credentials() {
    let server = Running::start(Options::default()).await;
    let named = |name: &str| get("/?a=b").replace("localhost", name);
    for name in
        ["localhost", "localhost:4566", "127.0.0.1:1", "[::1]:1", "192.0.2.1", "builder", "ec2.localhost", "LOCALHOST."]
    {
        assert_eq!(server.ask(named(name)).await.status, 200, "{name}");
    }
    for name in ["example.com", "example.com:4566", "127.0.0.1.example.com", "localhost.example.com", "a b"] {
        assert_eq!(server.ask(named(name)).await.status, 403, "{name}");
    }
    let server = Running::start(guarded()).await;
    assert_eq!(server.ask(named("example.com")).await.status, 403, "for want of a signature");
    assert!(server.ask(named("example.com")).await.body.contains("MissingAuthenticationToken"));
}
