//! `vpcd zone`: outages of Availability Zones of a running server.

use crate::report::{Outcome, print};
use crate::socket::SocketArgs;
use serde_json::{Value, json};

/// Take the NAT gateways of an Availability Zone out of service, or bring them back
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Begin an outage: the zone's NAT gateways carry nothing, while the API calls them available
    ///
    /// Hosts whose route leads to a gateway of the zone lose the internet, wherever they are; those with a gateway in another zone do
    /// not. DescribeAvailabilityZones says that the zone is impaired. It lasts until `vpcd zone restore`, also over a restart of the
    /// server with --state.
    #[command(after_help = "Example:\n  vpcd zone impair us-east-1a")]
    Impair(Args),
    /// End an outage; what the gateways remember of connections is as old as it is
    #[command(after_help = "Example:\n  vpcd zone restore us-east-1a")]
    Restore(Args),
    /// Show the zones, how they are, and their NAT gateways
    #[command(after_help = "Example:\n  vpcd zone list")]
    List(Asked),
}

/// Which zone.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name of the zone
    #[arg(value_name = "ZONE")]
    zone: String,
    #[command(flatten)]
    asked: Asked,
}

/// Whom to ask, and how to tell.
#[derive(clap::Args, Debug)]
pub struct Asked {
    #[command(flatten)]
    socket: SocketArgs,
    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Runs it.
    pub fn run(&self) -> Outcome {
        match self {
            Command::Impair(args) => args.asked.ask(&json!({"command": "impair", "zone": args.zone})),
            Command::Restore(args) => args.asked.ask(&json!({"command": "restore", "zone": args.zone})),
            Command::List(asked) => asked.ask(&json!({"command": "zones"})),
        }
    }
}

impl Asked {
    fn ask(&self, request: &Value) -> Outcome {
        let answer = self.socket.connect()?.ask(request)?;
        if self.json {
            return print(&format!("{answer}\n"));
        }
        let one = std::slice::from_ref(&answer);
        print(&answer["zones"].as_array().map_or(one, Vec::as_slice).iter().map(line).collect::<String>())
    }
}

/// A zone for people.
fn line(zone: &Value) -> String {
    let text = |name: &str| zone[name].as_str().unwrap_or_default();
    let gateways: Vec<&str> = zone["nat_gateways"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let gateways = if gateways.is_empty() { "none".into() } else { gateways.join(" ") };
    format!("{} ({}): {}; NAT gateways: {gateways}\n", text("zone"), text("id"), text("state"))
}
