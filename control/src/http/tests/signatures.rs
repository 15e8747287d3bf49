//! Signatures that AWS published or that other clients made, and what becomes of them when anything changes.

use crate::http::auth::{Claim, Denial};
use crate::http::credentials::{Credentials, tests::credentials};
use crate::http::form;
use crate::http::sigv4::Message;
use hyper::http::request::Parts;

/// 2015-08-30 12:36:00, when all of the version 4 examples were signed.
const SIGNED: i64 = 1_440_938_160;
const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

fn keys() -> Credentials {
    credentials(
        "[suite]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n\
         [docs]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n\
         [temporary]\naws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = token\n",
    )
}

/// A request that can be changed before it is judged.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Sent {
    fn new(method: &'static str, target: &str, headers: &[(&'static str, &str)]) -> Sent {
        let headers = headers.iter().map(|&(n, v)| (n, v.into())).collect();
        Sent { method, target: target.into(), headers, body: String::new() }
    }
    /// One of the published test suite: host, date and authorization are the same in all.
    fn suite(
        method: &'static str,
        target: &str,
        headers: &[(&'static str, &str)],
        signed: &str,
        signature: &str,
    ) -> Sent {
        let mut sent = Sent::new(method, target, headers);
        let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let header = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
        sent.headers.push(("Host", "example.amazonaws.com".into()));
        sent.headers.push(("X-Amz-Date", "20150830T123600Z".into()));
        sent.headers.push(("Authorization", header));
        sent
    }
    fn vanilla() -> Sent {
        Sent::suite("GET", "/", &[], "host;x-amz-date", VANILLA)
    }
    fn header(mut self, name: &'static str, value: &str) -> Sent {
        self.headers.retain(|(n, _)| *n != name);
        self.headers.push((name, value.into()));
        self
    }
    fn authorization(mut self, from: &str, to: &str) -> Sent {
        let (_, value) = self.headers.iter_mut().find(|(n, _)| *n == "Authorization").unwrap();
        assert!(value.contains(from), "{value}");
        *value = value.replace(from, to);
        self
    }
    fn target(mut self, from: &str, to: &str) -> Sent {
        assert!(self.target.contains(from), "{}", self.target);
        self.target = self.target.replace(from, to);
        self
    }
    fn body(mut self, body: &str) -> Sent {
        self.body = body.into();
        self
    }
    fn parts(&self) -> Parts {
        let builder = hyper::Request::builder().method(self.method).uri(&self.target);
        let builder = self.headers.iter().fold(builder, |b, (name, value)| b.header(*name, value));
        builder.body(()).unwrap().into_parts().0
    }
    fn judge(&self, now: i64) -> Result<(), Denial> {
        let head = self.parts();
        let query = form::decode(head.uri.query().unwrap_or("").as_bytes()).unwrap();
        let members = form::join(&query, form::decode(self.body.as_bytes()).unwrap()).unwrap();
        let message = Message { head: &head, query: &query, body: self.body.as_bytes() };
        Claim::read(&head, &query, &members).verify(message, &members, &keys(), now)
    }
}

#[test]
fn the_published_test_suite() {
    // "Signature Version 4 test suite" of the AWS General Reference, by the names that its cases have there.
    let case = Sent::suite;
    let (both, form) = ("host;x-amz-date", "application/x-www-form-urlencoded");
    for (name, sent) in [
        ("get-vanilla", Sent::vanilla()),
        ("get-relative", case("GET", "/example/..", &[], both, VANILLA)),
        ("get-slash", case("GET", "//", &[], both, VANILLA)),
        ("get-slash-dot-slash", case("GET", "/./", &[], both, VANILLA)),
        ("get-utf8", case("GET", "/ሴ", &[], both, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85")),
        (
            "get-vanilla-query",
            case(
                "GET",
                "/?Param1=value1",
                &[],
                both,
                "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
            ),
        ),
        (
            "get-vanilla-query-order-key-case",
            case(
                "GET",
                "/?Param2=value2&Param1=value1",
                &[],
                both,
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ),
        (
            "get-header-value-trim",
            case(
                "GET",
                "/",
                &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
        ),
        (
            "get-header-value-order",
            case(
                "GET",
                "/",
                &[
                    ("My-Header1", "value4"),
                    ("My-Header1", "value1"),
                    ("My-Header1", "value3"),
                    ("My-Header1", "value2"),
                ],
                "host;my-header1;x-amz-date",
                "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
            ),
        ),
        (
            "post-vanilla",
            case("POST", "/", &[], both, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ),
        (
            "post-x-www-form-urlencoded",
            case(
                "POST",
                "/",
                &[("Content-Type", form)],
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            )
            .body("Param1=value1"),
        ),
    ] {
        assert_eq!(sent.judge(SIGNED), Ok(()), "{name}");
        assert_eq!(sent.header("Host", "example.org").judge(SIGNED), Err(Denial::Mismatch), "{name}");
    }
}

#[test]
fn the_documented_call_of_iam() {
    // "Examples of the complete Version 4 signing process" of the AWS General Reference.
    let signed = "content-type;host;x-amz-date";
    let sent = Sent::new(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("Host", "iam.amazonaws.com"),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("X-Amz-Date", "20150830T123600Z"),
            (
                "Authorization",
                &format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders={signed}, \
                     Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
                ),
            ),
        ],
    );
    assert_eq!(sent.judge(SIGNED), Ok(()));
    // Some clients leave out the blanks.
    assert_eq!(sent.clone().authorization(", ", ",").judge(SIGNED), Ok(()));
    assert_eq!(sent.target("ListUsers", "ListKeys").judge(SIGNED), Err(Denial::Mismatch));
}

#[test]
fn the_documented_presigned_request_of_s3() {
    // "Authenticating Requests: Using Query Parameters" of the S3 API Reference. S3 takes the body as unsigned without being told.
    let sent = Sent::new(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        &[("Host", "examplebucket.s3.amazonaws.com"), ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")],
    );
    let signed = 1_369_353_600;
    assert_eq!(sent.judge(signed), Ok(()));
    assert_eq!(sent.clone().body("a=b").judge(signed), Ok(()), "its body is not signed");
    assert_eq!(sent.header("X-Amz-Content-Sha256", "UNSIGNED").judge(signed), Err(Denial::Mismatch));
}

#[test]
fn presigned_requests_of_botocore() {
    // Made with botocore 1.43.11, `SigV4QueryAuth`.
    let sent = Sent::new(
        "GET",
        "/?Param2=value2&Param1=value1&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z\
         &X-Amz-Expires=3600&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5",
        &[("Host", "example.amazonaws.com")],
    );
    for now in [SIGNED - 900, SIGNED, SIGNED + 3600] {
        assert_eq!(sent.judge(now), Ok(()));
    }
    let late = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 3600 s.)";
    assert_eq!(sent.judge(SIGNED + 3601), Err(Denial::Expired(late.into())));
    assert!(matches!(sent.judge(SIGNED - 901), Err(Denial::NotYet(_))));
    for (from, to) in [
        ("Param1=value1", "Param1=value2"),
        ("Param1=value1&", ""),
        ("/?", "/?Param3=x&"),
        ("Expires=3600", "Expires=3601"),
        ("86012e2c", "86012e2d"),
        ("bed5", "be"),
        ("us-east-1", "us-east-2"),
    ] {
        assert_eq!(sent.clone().target(from, to).judge(SIGNED), Err(Denial::Mismatch), "{from} -> {to}");
    }
    let other = Sent { method: "POST", ..sent.clone() };
    assert_eq!(other.judge(SIGNED), Err(Denial::Mismatch));
    assert_eq!(sent.clone().body("a=b").judge(SIGNED), Err(Denial::Mismatch), "a body that was not signed");
    for (from, to) in [
        ("&X-Amz-Signature=", "&Y="),
        ("&X-Amz-SignedHeaders=", "&Y="),
        ("&X-Amz-Credential=", "&Y="),
        ("&X-Amz-Date=", "&Y="),
        ("20150830T123600Z", "yesterday"),
        ("Expires=3600", "Expires=0"),
        ("Expires=3600", "Expires=604801"),
        ("Expires=3600", "Expires=-1"),
        ("Expires=3600", "Expires=99999999999999999999"),
        ("%2Faws4_request", ""),
    ] {
        let denial = sent.clone().target(from, to).judge(SIGNED);
        assert!(matches!(denial, Err(Denial::Incomplete(_))), "{from} -> {to}: {denial:?}");
    }
}

#[test]
fn version_2() {
    // The example of "Signature Version 2 signing process" of the AWS General Reference, its time without a Z.
    let docs = Sent::new(
        "GET",
        "/?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Action=DescribeJobFlows&SignatureMethod=HmacSHA256&SignatureVersion=2\
         &Timestamp=2011-10-03T15%3A19%3A30&Version=2009-03-31&Signature=i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf%2FMj6vPxyYIs%3D",
        &[("Host", "elasticmapreduce.amazonaws.com")],
    );
    assert_eq!(docs.judge(1_317_655_170), Ok(()));
    // Made with Libcloud 3.9.1 as it comes, but for the time.
    let sent = Sent::new(
        "GET",
        "/?Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=a+b%2B%C3%BC&SignatureVersion=2\
         &SignatureMethod=HmacSHA256&AWSAccessKeyId=AKIDEXAMPLE&Version=2016-11-15&Timestamp=2015-08-30T12%3A36%3A00Z\
         &Signature=ITSvbMfzSlOlDOheBcmZB4K3McDcLxRFScYA4fZDvy4%3D",
        &[("Host", "localhost:4566")],
    );
    for now in [SIGNED - 900, SIGNED, SIGNED + 900] {
        assert_eq!(sent.judge(now), Ok(()));
    }
    assert!(matches!(sent.judge(SIGNED + 901), Err(Denial::Expired(_))));
    assert!(matches!(sent.judge(SIGNED - 901), Err(Denial::NotYet(_))));
    assert_eq!(sent.clone().header("Host", "LOCALHOST:4566").judge(SIGNED), Ok(()));
    assert_eq!(sent.clone().header("Host", "localhost").judge(SIGNED), Err(Denial::Mismatch));
    assert_eq!(
        sent.clone().body("Filter.2.Name=x").judge(SIGNED),
        Err(Denial::Mismatch),
        "the body's members are signed"
    );
    for (from, to, denial) in [
        ("DescribeVpcs", "DeleteVpc", Denial::Mismatch),
        ("ITSv", "ITSw", Denial::Mismatch),
        ("4%3D", "4", Denial::Mismatch),
        ("ITSvbMfz", "", Denial::Mismatch),
        ("AKIDEXAMPLE", "AKIDEXAMPLF", Denial::UnknownKey),
        ("/?", "/?SecurityToken=t&", Denial::UnknownKey),
    ] {
        assert_eq!(sent.clone().target(from, to).judge(SIGNED), Err(denial), "{from} -> {to}");
    }
    for (from, to) in [
        ("&Signature=", "&Y="),
        ("SignatureVersion=2", "SignatureVersion=1"),
        ("SignatureVersion=2", "Y=2"),
        ("HmacSHA256", "HmacSHA1"),
        ("Timestamp=", "Y="),
        ("2015-08-30T12", "2015-08-30+12"),
    ] {
        let denial = sent.clone().target(from, to).judge(SIGNED);
        assert!(matches!(denial, Err(Denial::Incomplete(_))), "{from} -> {to}: {denial:?}");
    }
}

#[test]
fn version_2_with_an_end_of_its_own() {
    use hmac::Mac;
    let text = "GET\nlocalhost\n/\nAWSAccessKeyId=AKIDEXAMPLE&Expires=2015-08-30T12%3A36%3A00Z\
                &SignatureMethod=HmacSHA256&SignatureVersion=2";
    let mac = crate::http::sigv4::mac(b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", text.as_bytes());
    let signature = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, mac.finalize().into_bytes());
    let mut target = format!("/?{}&Signature=", text.rsplit('\n').next().unwrap());
    form::push_escaped(&mut target, signature.as_bytes(), b"");
    let sent = Sent::new("GET", &target, &[("Host", "localhost")]);
    assert_eq!(sent.judge(SIGNED), Ok(()));
    assert_eq!(sent.judge(SIGNED - 86_400), Ok(()));
    assert_eq!(sent.judge(SIGNED + 1), Err(Denial::Expired("Signature expired: 2015-08-30T12:36:00Z.".into())));
}

#[test]
fn whatever_changes_is_noticed() {
    let sent = Sent::vanilla();
    assert_eq!(sent.judge(SIGNED), Ok(()));
    for changed in [
        sent.clone().target("/", "/x"),
        sent.clone().target("/", "/?a"),
        sent.clone().body("a=b"),
        sent.clone().header("X-Amz-Date", "20150830T123601Z"),
        Sent { method: "POST", ..sent.clone() },
        sent.clone().authorization("us-east-1", "us-east-2"),
        sent.clone().authorization("/service/", "/ec2/"),
        sent.clone().authorization("20150830", "20150831"),
        sent.clone().authorization("AKIDEXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        sent.clone().authorization("host;x-amz-date", "host"),
        sent.clone().authorization("host;x-amz-date", "x-amz-date;host"),
        sent.clone().authorization("host;x-amz-date", "host;my-header;x-amz-date"),
        sent.clone().authorization("5fa00fa3", "5fa00fa4"),
        sent.clone().authorization("bf31", "bf"),
        sent.clone().authorization("bf31", "bf3"),
        sent.clone().authorization("bf31", "bfgg"),
    ] {
        assert_eq!(changed.judge(SIGNED), Err(Denial::Mismatch), "{} {:?}", changed.target, changed.headers);
    }
}

#[test]
fn what_lacks_something_is_not_verified() {
    let sent = Sent::vanilla();
    assert_eq!(Sent::new("GET", "/", &[("Host", "localhost")]).judge(SIGNED), Err(Denial::Missing));
    assert_eq!(sent.clone().authorization("AKIDEXAMPLE", "AKIDEXAMPLF").judge(SIGNED), Err(Denial::UnknownKey));
    for (from, to, said) in [
        ("AWS4-HMAC-SHA256", "Basic", "AWS4-HMAC-SHA256"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256"),
        ("Credential=", "Cred=", "'Credential'"),
        ("Signature=", "Sig=", "'Signature'"),
        ("SignedHeaders=", "Headers=", "'SignedHeaders'"),
        ("host;x-amz-date", "", "'SignedHeaders'"),
        ("host;x-amz-date", "x-amz-date", "'Host'"),
        ("/aws4_request", "", "5 slash-delimited"),
        ("AKIDEXAMPLE", "", "5 slash-delimited"),
        // What is not ASCII cannot be read at all.
        ("AKIDEXAMPLE", "ü", "AWS4-HMAC-SHA256"),
    ] {
        match sent.clone().authorization(from, to).judge(SIGNED) {
            Err(Denial::Incomplete(message)) => assert!(message.contains(said), "{from} -> {to}: {message}"),
            other => panic!("{from} -> {to}: {other:?}"),
        }
    }
    for date in ["", "now", "2015-08-30", "20150830T123600"] {
        let denial = sent.clone().header("X-Amz-Date", date).judge(SIGNED);
        assert!(matches!(denial, Err(Denial::Incomplete(_))), "{date}: {denial:?}");
    }
}

#[test]
fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let sent = Sent::vanilla();
    for now in [SIGNED - 900, SIGNED, SIGNED + 900] {
        assert_eq!(sent.judge(now), Ok(()));
    }
    let late = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)";
    assert_eq!(sent.judge(SIGNED + 901), Err(Denial::Expired(late.into())));
    let early =
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)";
    assert_eq!(sent.judge(SIGNED - 901), Err(Denial::NotYet(early.into())));
    // Who has no key learns nothing about clocks.
    let wrong = sent.authorization("5fa00fa3", "5fa00fa4");
    assert_eq!(wrong.judge(SIGNED + 901), Err(Denial::Mismatch));
}

/// Signs with the code under test, which the examples above have verified.
fn signed(sent: &Sent, scope: &str, time: &str, signed_headers: &str, secret: &str) -> Sent {
    use crate::http::sigv4::{Scope, tests::signature};
    let head = sent.parts();
    let message = Message { head: &head, query: &[], body: b"" };
    let signature = signature(message, Scope::parse(scope).unwrap(), time, signed_headers, secret);
    let header = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed_headers}, Signature={signature}");
    sent.clone().header("Authorization", &header)
}

#[test]
fn dates_of_http_are_dates_too() {
    let sent = Sent::new("GET", "/", &[("Host", "localhost"), ("Date", "Sun, 30 Aug 2015 12:36:00 GMT")]);
    let scope = "ASIA/20150830/us-east-1/ec2/aws4_request";
    let sent = signed(&sent, scope, "20150830T123600Z", "date;host", "s").header("X-Amz-Security-Token", "token");
    assert_eq!(sent.judge(SIGNED), Ok(()));
    assert!(matches!(sent.judge(SIGNED + 901), Err(Denial::Expired(_))));
}

#[test]
fn scopes_are_of_the_day() {
    let sent = Sent::new(
        "GET",
        "/",
        &[("Host", "localhost"), ("X-Amz-Date", "20150830T123600Z"), ("X-Amz-Security-Token", "token")],
    );
    let judge = |day: &str| {
        let scope = format!("ASIA/{day}/us-east-1/ec2/aws4_request");
        signed(&sent, &scope, "20150830T123600Z", "host;x-amz-date", "s").judge(SIGNED)
    };
    assert_eq!(judge("20150830"), Ok(()));
    let message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                   '20150829' != '20150830', from '20150830T123600Z'.";
    assert_eq!(judge("20150829"), Err(Denial::Scope(message.into())));
    assert!(matches!(judge("2015083"), Err(Denial::Scope(_))));
}

#[test]
fn temporary_keys_need_their_token() {
    let scope = "ASIA/20150830/us-east-1/ec2/aws4_request";
    let sent = Sent::new("GET", "/", &[("Host", "localhost"), ("X-Amz-Date", "20150830T123600Z")]);
    let sent = signed(&sent, scope, "20150830T123600Z", "host;x-amz-date", "s");
    assert_eq!(sent.judge(SIGNED), Err(Denial::UnknownKey));
    for token in ["", "t", "tokem", "token2"] {
        assert_eq!(
            sent.clone().header("X-Amz-Security-Token", token).judge(SIGNED),
            Err(Denial::UnknownKey),
            "{token}"
        );
    }
    assert_eq!(sent.header("X-Amz-Security-Token", "token").judge(SIGNED), Ok(()));
    // And others have none.
    assert_eq!(Sent::vanilla().header("X-Amz-Security-Token", "token").judge(SIGNED), Err(Denial::UnknownKey));
}

#[test]
fn each_service_refuses_in_its_own_words() {
    let said = |denial: Denial, service| {
        let r = denial.refusal(service);
        (r.status.as_u16(), r.code, r.message.into_owned())
    };
    let cannot = "AWS was not able to validate the provided access credentials".to_string();
    let text = || "why".to_string();
    for denial in [Denial::UnknownKey, Denial::Mismatch, Denial::Scope(text()), Denial::NotYet(text())] {
        assert_eq!(said(denial, "ec2"), (401, "AuthFailure", cannot.clone()));
    }
    assert_eq!(said(Denial::Expired(text()), "ec2"), (400, "RequestExpired", "Request has expired.".into()));
    let invalid = "The security token included in the request is invalid.".to_string();
    assert_eq!(said(Denial::UnknownKey, "sts"), (403, "InvalidClientTokenId", invalid));
    let (status, code, message) = said(Denial::Mismatch, "sts");
    assert_eq!((status, code), (403, "SignatureDoesNotMatch"));
    assert!(
        message.starts_with("The request signature we calculated does not match the signature you provided. Check")
    );
    for denial in [Denial::Scope(text()), Denial::NotYet(text()), Denial::Expired(text())] {
        assert_eq!(said(denial, "sts"), (403, "SignatureDoesNotMatch", text()));
    }
    for service in ["ec2", "sts"] {
        let missing = "Request is missing Authentication Token".to_string();
        assert_eq!(said(Denial::Missing, service), (403, "MissingAuthenticationToken", missing));
        assert_eq!(said(Denial::Incomplete(text()), service), (400, "IncompleteSignature", text()));
    }
}
