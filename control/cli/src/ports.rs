//! The ports of a stack: how the user names them, and what `check --json` says about each.

use crate::report::{Failure, Outcome};
use crate::stack::Loaded;
use serde_json::{Value, json};
use vpcd_control::compile::Names;
use vpcd_control::template::{PortInfo, Stack};
use vpcd_dataplane::topology::{EniIdx, INTERNET, PortNo, Topology};

/// The name of the internet's port.
pub const INTERNET_NAME: &str = "internet";
/// The namespace of the internet's hosts.
pub const INTERNET_NAMESPACE: &str = "vpcd-internet";

/// Ports as a sentence for errors: every name that works.
pub fn list(stack: &Stack) -> String {
    let mut names: Vec<String> = stack
        .ports
        .iter()
        .filter(|p| p.attached)
        .map(|p| p.names.join(" (or ") + &")".repeat(p.names.len().saturating_sub(1)))
        .collect();
    names.push(INTERNET_NAME.into());
    let free: Vec<&str> = stack.ports.iter().filter(|p| !p.attached).map(PortInfo::name).collect();
    let free = if free.is_empty() {
        String::new()
    } else {
        format!("; free ones that become a port when named: {}", free.join(", "))
    };
    format!("{}{free}", names.join(", "))
}

/// The port of this name; `None` is the internet.
pub fn find<'a>(stack: &'a Stack, name: &str) -> Outcome<Option<&'a PortInfo>> {
    if name == INTERNET_NAME {
        return Ok(None);
    }
    match stack.port(name) {
        Some(port) => Ok(Some(port)),
        None => Err(Failure::user(format_args!("there is no port {name}; ports are: {}", list(stack)))),
    }
}

/// Plugs something into a free interface or gateway that the user names: then it is a port like any other.
pub fn bind(loaded: &mut Loaded, name: &str) -> Outcome {
    let Some(port) = find(&loaded.stack, name)?.filter(|p| !p.attached) else { return Ok(()) };
    let id = port.id.clone();
    loaded.stack.model.bind_port(&id, true).map_err(|e| Failure::user(format_args!("{name} cannot be a port: {e}")))?;
    loaded.stack.ports.iter_mut().filter(|p| p.id == id).for_each(|p| p.attached = true);
    Ok(())
}

/// The dataplane's number of a port.
pub fn number(topology: &Topology, names: &Names, port: Option<&PortInfo>) -> Outcome<PortNo> {
    let Some(port) = port else { return Ok(INTERNET) };
    // A picture that is not published yet knows no ports.
    let there = topology.enis.iter().map(|(at, _)| at).chain(topology.links.iter().map(|(at, _)| at));
    let found = there.map(|at| EniIdx(at as u32).port()).find(|&n| names.port_id(n) == port.id);
    found.ok_or_else(|| Failure::user(format_args!("{} was not compiled into the topology", port.name())))
}

/// What `check --json` prints: an object with every port, the hosts of the internet and the outputs of the template. It names no
/// file, so that it is the same wherever the template lies.
pub fn json(stack: &Stack) -> Value {
    let mut ports: Vec<Value> = stack
        .ports
        .iter()
        .filter(|p| p.attached)
        .map(|p| {
            json!({
                "logical_id": p.name(),
                "names": p.names,
                "instance": p.instance,
                "device_index": p.device_index,
                "eni": p.subnet.as_ref().map(|_| &p.id),
                "subnet": p.subnet,
                "mac": p.mac.to_string(),
                "private": p.private.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "public": p.public.iter().map(|(_, public)| public.to_string()).collect::<Vec<_>>(),
                "ipv6": p.ipv6.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "namespace": p.namespace,
            })
        })
        .collect();
    ports.push(json!({
        "logical_id": INTERNET_NAME, "names": [INTERNET_NAME], "instance": null, "device_index": null, "eni": null, "subnet": null,
        "mac": vpcd_dataplane::topology::InternetPort::default().mac.to_string(),
        "private": [], "public": [], "ipv6": [], "namespace": INTERNET_NAMESPACE,
    }));
    let hosts: Vec<Value> = stack
        .internet
        .iter()
        .map(
            |h| json!({ "name": h.name, "addresses": h.addresses.iter().map(ToString::to_string).collect::<Vec<_>>() }),
        )
        .collect();
    let outputs: serde_json::Map<String, Value> = stack.outputs.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    json!({ "ports": ports, "internet": hosts, "outputs": outputs })
}

/// [`json`] as text, as `check --json` prints it and `replay` writes it.
pub fn json_text(stack: &Stack) -> String {
    let mut text = serde_json::to_string_pretty(&json(stack)).unwrap_or_default();
    text.push('\n');
    text
}
