//! What users plug in from outside: into a free interface, where a machine would be, or into a virtual private gateway, where the remote
//! network would be. Either is called a port here and goes by its id.

use super::*;
use std::path::PathBuf;

/// What a user plugged into a free interface or a virtual private gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// A TAP device whose program we are.
    Tap(String),
    /// An interface of the host.
    Interface(String),
    /// A capture that is played in, and one that gets what is sent to the interface; absolute paths.
    Capture { input: PathBuf, output: Option<PathBuf> },
}

impl Binding {
    /// Name of the device, if it is one.
    pub fn device(&self) -> Option<&str> {
        match self {
            Binding::Tap(name) | Binding::Interface(name) => Some(name),
            Binding::Capture { .. } => None,
        }
    }
}

impl Model {
    /// Says that something is plugged into a port, or no more.
    pub fn bind_port(&mut self, port: &str, bound: bool) -> Result<()> {
        self.set_binding(port, bound, None)
    }

    /// Binds a port to something that is plugged in again after a restart. A device serves one port.
    pub fn bind_port_to(&mut self, port: &str, binding: Binding) -> Result<()> {
        if port.starts_with("vgw-") {
            if self.find::<VpnGateway>(port)?.bound {
                return refuse("IncorrectState", format!("A network is attached to '{port}' already."));
            }
        } else {
            let eni = self.find::<NetworkInterface>(port)?;
            if eni.attachment.is_some() || eni.bound {
                return refuse("InvalidNetworkInterface.InUse", format!("Interface: [{port}] in use."));
            }
        }
        if let Some(device) = binding.device() {
            let mut bindings = self.bindings();
            if let Some((other, _)) = bindings.find(|(_, b)| b.device() == Some(device)) {
                return refuse("InvalidParameterValue", format!("'{device}' serves '{other}'."));
            }
        }
        self.set_binding(port, true, Some(binding))
    }

    /// The end of [`bind_port_to`](Model::bind_port_to).
    pub fn unbind_port(&mut self, port: &str) -> Result<()> {
        let missing = if port.starts_with("vgw-") {
            self.find::<VpnGateway>(port)?.binding.is_none()
        } else {
            self.find::<NetworkInterface>(port)?.binding.is_none()
        };
        if missing {
            return refuse("InvalidParameterValue", format!("Nothing is attached to '{port}'."));
        }
        self.set_binding(port, false, None)
    }

    /// What is bound to a port.
    pub fn binding(&self, port: &str) -> Option<&Binding> {
        match self.vpn_gateways.get(port) {
            Some(gateway) => gateway.binding.as_ref(),
            None => self.interfaces.get(port)?.binding.as_ref(),
        }
    }

    fn bindings(&self) -> impl Iterator<Item = (&str, &Binding)> {
        let interfaces = self.interfaces.iter().filter_map(|e| Some((e.id.as_str(), e.binding.as_ref()?)));
        interfaces.chain(self.vpn_gateways.iter().filter_map(|g| Some((g.id.as_str(), g.binding.as_ref()?))))
    }

    fn set_binding(&mut self, port: &str, bound: bool, binding: Option<Binding>) -> Result<()> {
        if port.starts_with("vgw-") {
            self.find::<VpnGateway>(port)?;
            self.vpn_gateways.edit(port, |g| (g.bound, g.binding) = (bound, binding));
        } else {
            self.not_managed(self.find::<NetworkInterface>(port)?)?;
            self.interfaces.edit(port, |e| (e.bound, e.binding) = (bound, binding));
        }
        Ok(())
    }
}
