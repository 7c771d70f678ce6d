//! What the operator of a validator has before it runs: its configuration, its doors, and the files of a new network.
//!
//! - [`NodeConfig`]: what `node.toml` says, checked as a whole; [`config_text`] writes one to begin with.
//! - [`open_port`], [`operator_socket`]: where others connect, tried before anything else is opened.
//! - [`Plan`], [`seats`], [`write_network`]: a directory for each validator of a new network, and one list for all.
//!
//! **Invariant:** a configuration that is read is one that the engine can run with, a network whose list stands is whole,
//! and the operator's socket can be opened by nobody but its owner, at no moment.
//!
//! **Left out:** what a genesis says (`founding`), and running the validator (`replica`, `gateway`).
//!
//! ```
//! use operator::{NodeConfig, config_text};
//! use protocol::Hash;
//!
//! let (listen, rpc) = ("127.0.0.1:26600".parse()?, "127.0.0.1:26700".parse()?);
//! let dir = std::env::temp_dir().join(format!("operator-example-{}", std::process::id()));
//! std::fs::create_dir_all(&dir)?;
//! let file = dir.join("node.toml");
//! std::fs::write(&file, config_text(listen, rpc, Hash::new([7; 32])))?;
//! let config = NodeConfig::read(&file)?;
//! assert_eq!((config.listen, config.rpc), (listen, rpc));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod doors;
mod files;
mod level;

pub use config::{ConfigError, InvalidConfig, NodeConfig, config_text};
pub use doors::{DoorError, open_port, operator_socket};
pub use files::{FilesError, Plan, clients_of, seats, validator_directory, write_network};
pub use level::{Level, NoLevel};
