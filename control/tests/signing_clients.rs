//! What unmodified clients sign, verified by the server. `VPCD_CLIENTS=python3` names a Python that has boto3 and
//! apache-libcloud; without it these tests are left out.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use vpcd_control::http::{Credentials, Options, RefusedRequest, Request, Response, Server, Service};

/// Just enough of EC2 and STS to be understood.
struct Stub;

impl Service for Stub {
    async fn call(&self, request: Request) -> Response {
        let (action, id) = (member(&request, "Action"), &request.request_id);
        let text = member(&request, "Filter.1.Value.1");
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let body = match action {
            "GetCallerIdentity" => format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Account>123456789012</Account><UserId>{} {}</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>",
                request.region,
                request.access_key.as_deref().unwrap_or("")
            ),
            _ => format!(
                "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{id}</requestId><vpcSet><item>\
                 <vpcId>vpc-1</vpcId><cidrBlock>{text}</cidrBlock><state>available</state><instanceTenancy>default</instanceTenancy>\
                 <dhcpOptionsId>dopt-1</dhcpOptionsId><isDefault>false</isDefault></item></vpcSet></{action}Response>"
            ),
        };
        xml(200, body)
    }
    fn refuse(&self, request: &RefusedRequest, status: u16, code: &str, message: &str) -> Response {
        let (error, id) =
            (format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"), &request.request_id);
        xml(
            status,
            match request.service.as_str() {
                "ec2" => format!("<Response><Errors>{error}</Errors><RequestID>{id}</RequestID></Response>"),
                _ => format!("<ErrorResponse>{error}<RequestId>{id}</RequestId></ErrorResponse>"),
            },
        )
    }
    async fn other(&self, _: &str, _: &str, _: &[u8]) -> Option<Response> {
        None
    }
}

fn member<'a>(request: &'a Request, name: &str) -> &'a str {
    request.members.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

fn xml(status: u16, body: String) -> Response {
    Response { status, content_type: "text/xml;charset=UTF-8", body: body.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_sign_is_verified() {
    let Some(python) = std::env::var_os("VPCD_CLIENTS") else {
        println!("left out: set VPCD_CLIENTS to a Python with boto3 and apache-libcloud to run it");
        return;
    };
    let keys = std::env::temp_dir().join(format!("vpcd-clients-{}", std::process::id()));
    fs::write(&keys, "[a]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalr/UtnFEMI+K7MDENG\n").unwrap();
    let credentials = Credentials::read(&keys).unwrap().0;
    fs::remove_file(&keys).unwrap();
    let options = Options { credentials: Some(credentials), ..Options::default() };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let url = format!("http://{}", server.address().unwrap());
    tokio::spawn(server.serve(Arc::new(Stub), std::future::pending()));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/signing_clients.py");
    let client = move || {
        let mut command = std::process::Command::new(python);
        let output = command.args(["-B", script, &url]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    tokio::task::spawn_blocking(client).await.unwrap();
}
