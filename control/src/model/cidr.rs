//! Which blocks a VPC may have: sizes, forbidden ranges and the restriction matrix (chapter 02, sections 1.2, 1.3).

use super::{Result, refuse};
use ipnet::{IpNet, Ipv4Net};

/// Size and forbidden ranges of a VPC block (VPC-02, VPC-21, S-02-1).
pub(super) fn vpc_block(net: Ipv4Net) -> Result<()> {
    if !(16..=28).contains(&net.prefix_len()) {
        return refuse("InvalidVpc.Range", format!("The CIDR '{net}' is invalid."));
    }
    if FORBIDDEN.iter().any(|f| block(f).contains(&net)) {
        return refuse("InvalidVpc.Range", format!("The CIDR '{net}' is restricted."));
    }
    Ok(())
}

/// Whether `new` may join a VPC whose primary block is `primary` (VPC-23, section 1.3).
pub(super) fn secondary(primary: Ipv4Net, new: Ipv4Net) -> Result<()> {
    let (p, n) = (class(primary), class(new));
    // Row: class of the primary; column: class of the candidate. R10 R172 R192 R198 CG PUB.
    const ALLOWED: [[bool; 6]; 6] = [
        [true, false, false, false, true, true],
        [false, true, false, false, true, true],
        [false, false, true, false, true, true],
        [false, false, false, false, true, true],
        [false, false, false, false, true, true],
        [false, false, false, false, true, true],
    ];
    let in_first = block("10.0.0.0/15").contains(&primary) && block("10.0.0.0/16").contains(&new);
    let in_default = p == 1 && block("172.31.0.0/16").contains(&new);
    if ALLOWED[p][n] && !in_first && !in_default {
        return Ok(());
    }
    refuse(
        "InvalidVpc.Range",
        format!("The CIDR '{new}' is restricted. It cannot be added to a VPC whose primary block is '{primary}'."),
    )
}

/// Whether two blocks share an address.
pub(super) fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

const FORBIDDEN: [&str; 5] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"];
const CLASSES: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16", "100.64.0.0/10"];

/// Row or column of the matrix; 5 is "publicly routable".
fn class(net: Ipv4Net) -> usize {
    CLASSES.iter().position(|c| block(c).contains(&net)).unwrap_or(5)
}

fn block(text: &str) -> Ipv4Net {
    text.parse().unwrap_or_default()
}
