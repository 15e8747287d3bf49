//! What people call the places where a packet's way is decided.

use vpcd_control::compile::Names;
use vpcd_dataplane::pipeline::At;

/// What stands for a name that is not there.
const NONE: &str = "-";

/// The logical id of the ENI, subnet or gateway that decided; `internet` for the internet port itself.
pub fn place(names: &Names, at: At) -> &str {
    match at {
        At::Eni(e) => names.eni(e),
        At::Subnet(s) => names.subnet(s),
        // A VPC without an internet gateway is entered by its egress-only one.
        At::InternetGateway(v) => {
            [names.igw(v), names.eigw(v)].into_iter().find(|n| *n != NONE).unwrap_or(names.vpc(v))
        }
        At::EgressOnly(v) => names.eigw(v),
        At::VpnGateway(v) => names.vgw(v),
        At::Nat(n) => names.nat(n),
        At::Internet => "internet",
    }
}
