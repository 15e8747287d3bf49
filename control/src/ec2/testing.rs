//! Calls against an API without a network, for the tests of the families; and the tests of what all calls share.

use super::*;

/// An API over an empty Region without a store or a dataplane.
pub(super) fn api() -> Api {
    Api::new(Region::open(Model::default(), None, None).unwrap())
}

/// Status and body of a call, written as `Action=CreateVpc&CidrBlock=10.0.0.0/16` (not URL-encoded).
pub(super) fn send(api: &Api, call: &str) -> (u16, String) {
    let members = call.split('&').filter_map(|m| m.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(api.call(members, "req-1"));
    (answer.status, answer.body)
}

/// The body of a call that must succeed.
pub(super) fn ok(api: &Api, call: &str) -> String {
    let (status, body) = send(api, call);
    assert_eq!(status, 200, "{call}: {body}");
    body
}

/// The text of this element in the answer to a call that must succeed.
pub(super) fn made(api: &Api, call: &str, name: &str) -> String {
    text(&ok(api, call), name)
}

/// Changes the model behind the API, where calls of other families would do it; answers what `change` does.
pub(super) fn change(api: &Api, change: impl FnOnce(&mut Model) -> Result<String> + Send + 'static) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(api.region().change(Box::new(change))).unwrap().text
}

/// A subnet.
pub(super) fn subnet(api: &Api, vpc: &str, cidr: &str) -> String {
    made(api, &format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock={cidr}"), "subnetId")
}

/// An instance in a subnet, made by [`change`].
pub(super) fn instance(api: &Api, subnet: &str) -> String {
    let subnet = Some(subnet.to_string());
    change(api, move |m| m.run_instance(crate::model::RunInstance { subnet, ..Default::default() }))
}

/// An internet gateway, attached.
pub(super) fn internet_gateway(api: &Api, vpc: &str) -> String {
    let id = made(api, "Action=CreateInternetGateway", "internetGatewayId");
    ok(api, &format!("Action=AttachInternetGateway&InternetGatewayId={id}&VpcId={vpc}"));
    id
}

/// Code and message of a call that must be refused.
pub(super) fn refused(api: &Api, call: &str) -> (String, String) {
    let (status, body) = send(api, call);
    assert_ne!(status, 200, "{call}: {body}");
    (text(&body, "Code"), text(&body, "Message"))
}

/// The text of the first element of this name; empty if there is none.
pub(super) fn text(body: &str, name: &str) -> String {
    texts(body, name).into_iter().next().unwrap_or_default()
}

/// The texts of all elements of this name.
pub(super) fn texts(body: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    body.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_string())).collect()
}

#[test]
fn answers_have_the_form_that_clients_parse() {
    let api = api();
    let body = ok(&api, "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16");
    let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CreateVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>req-1</requestId><vpc><vpcId>vpc-";
    assert!(body.starts_with(start), "{body}");
    assert!(body.ends_with("</CreateVpcResponse>"), "{body}");
    assert_eq!(text(&ok(&api, "Action=DescribeVpcs"), "vpcId"), text(&body, "vpcId"));
    let (status, body) = send(&api, "Action=DescribeVpcs&VpcId.1=vpc-1");
    assert_eq!(status, 400);
    let refusal = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID &apos;vpc-1&apos; does not exist</Message></Error></Errors><RequestID>req-1</RequestID></Response>";
    assert_eq!(body, refusal);
}

#[test]
fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let api = api();
    let (status, body) = send(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&DryRun=true");
    assert_eq!((status, text(&body, "Code").as_str()), (412, "DryRunOperation"));
    assert_eq!(text(&body, "Message"), "Request would have succeeded, but DryRun flag is set.");
    assert_eq!(refused(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/8&DryRun=true").0, "InvalidVpc.Range");
    assert_eq!(refused(&api, "Action=DescribeVpcs&DryRun=true").0, "DryRunOperation");
    assert_eq!(texts(&ok(&api, "Action=DescribeVpcs"), "vpcId").len(), 0);
}

#[test]
fn a_client_token_makes_a_call_once() {
    let api = api();
    let first = ok(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&ClientToken=t&Timestamp=1");
    let again = ok(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&ClientToken=t&Timestamp=2");
    assert_eq!(first, again);
    let (code, _) = refused(&api, "Action=CreateVpc&CidrBlock=10.1.0.0/16&ClientToken=t");
    assert_eq!(code, "IdempotentParameterMismatch");
    assert_eq!(texts(&ok(&api, "Action=DescribeVpcs"), "vpcId").len(), 1);
}

#[test]
fn what_is_not_known_is_refused_and_nothing_is_half_applied() {
    let api = api();
    let (code, message) = refused(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&Colour=red");
    assert_eq!((code.as_str(), message.as_str()), ("UnknownParameter", "The parameter Colour is not recognized"));
    let (code, _) = refused(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=subnet");
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(refused(&api, "Action=CreateUnicorn").0, "InvalidAction");
    assert_eq!(refused(&api, "Version=2016-11-15").0, "MissingAction");
    assert_eq!(refused(&api, "Action=CreateVpc").0, "MissingParameter");
    assert_eq!(texts(&ok(&api, "Action=DescribeVpcs"), "vpcId").len(), 0);
}
