//! `vpcd attach` and `vpcd detach`: something of the user's at a free interface or a virtual private gateway of a running server.

use crate::report::{Failure, Outcome, print};
use crate::socket::SocketArgs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Plug a TAP device, an interface of this machine or a capture into a free interface or a virtual private gateway
///
/// An interface must not be attached to an instance. It behaves like one from then on, also after a restart of the server if the
/// device is there; what is behind it should use its MAC and addresses. What is attached to a virtual private gateway is the remote network
/// at the other end of its VPN connection: IPv4 packets of any address, to and from the MAC that is printed. A TAP whose program side is taken (by a virtual machine) is
/// reached at its other end: --interface.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  ip tuntap add vm0 mode tap && ip link set vm0 up\n  vpcd attach eni-0a1b2c3d4e5f60718 --tap vm0\n  vpcd attach eni-0a1b2c3d4e5f60718 --capture in.pcap --write out.pcapng\n  vpcd attach vgw-0a1b2c3d4e5f60718 --interface office0"
)]
pub struct AttachArgs {
    /// Id of the interface or of the virtual private gateway
    #[arg(value_name = "ID")]
    port: String,
    #[command(flatten)]
    to: To,
    /// Write what is sent there to this file
    #[arg(long, value_name = "OUT.pcapng", requires = "capture")]
    write: Option<PathBuf>,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// What is plugged in.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct To {
    /// A TAP device that exists (`ip tuntap add NAME mode tap`) and that no program has
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
    /// An interface of this machine; it should have no address
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// A capture, played in at its own pace
    #[arg(long, value_name = "IN.pcap")]
    capture: Option<PathBuf>,
}

/// Take out of an interface or a virtual private gateway what `vpcd attach` plugged in
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  vpcd detach eni-0a1b2c3d4e5f60718")]
pub struct DetachArgs {
    /// Id of the interface or of the virtual private gateway
    #[arg(value_name = "ID")]
    port: String,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `attach`.
pub fn attach(args: &AttachArgs) -> Outcome {
    let to = match (&args.to.tap, &args.to.interface, &args.to.capture) {
        (Some(name), ..) => json!({ "tap": name }),
        (_, Some(name), _) => json!({ "interface": name }),
        (.., Some(input)) => {
            let output = args.write.as_deref().map(absolute).transpose()?;
            json!({ "capture": { "input": absolute(input)?, "output": output } })
        }
        _ => return Err(Failure::Usage("one of --tap, --interface and --capture is needed".into())),
    };
    let request = json!({"command": "attach", "port": args.port, "to": to});
    let answer = args.socket.connect()?.ask(&request)?;
    if args.json {
        return print(&format!("{answer}\n"));
    }
    let addresses = answer["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let addresses: Vec<&str> = addresses.iter().filter_map(Value::as_str).collect();
    let mac = answer["mac"].as_str().unwrap_or_default();
    let addresses =
        if addresses.is_empty() { "any address".into() } else { format!("addresses {}", addresses.join(" ")) };
    print(&format!("{}: attached; MAC {mac}, {addresses}\n", args.port))
}

/// Runs `detach`.
pub fn detach(args: &DetachArgs) -> Outcome {
    let answer = args.socket.connect()?.ask(&json!({"command": "detach", "port": args.port}))?;
    print(&if args.json { format!("{answer}\n") } else { format!("{}: detached\n", args.port) })
}

/// The server may be somewhere else.
fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|e| Failure::user(format_args!("{}: {e}", path.display())))
}
