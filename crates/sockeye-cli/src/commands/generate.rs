//! `sockeye generate` (hidden): man pages, completions and help texts from the description of the command line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap_complete::Shell;

use crate::{
    args::{self, GenerateArgs},
    exit::Exit,
    trouble::Trouble,
};

/// Column at which the help texts wrap, whatever terminal this runs on.
const WIDTH: usize = 100;

/// Writes them all.
pub(super) fn run(args: &GenerateArgs) -> Result<Exit, Trouble> {
    let make = |name: &str| -> Result<PathBuf, Trouble> {
        let directory = args.directory.join(name);
        fs::create_dir_all(&directory).map_err(|source| Trouble::file("create", &directory, source))?;
        Ok(directory)
    };
    let (man, completions, help) = (make("man")?, make("completions")?, make("help")?);
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| Trouble::file("write", path, source)
    };
    clap_mangen::generate_to(described(), &man).and_then(|()| lay_out(&man)).map_err(failed(&man))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut described(), "sockeye", &completions)
            .map_err(failed(&completions))?;
    }
    let mut command = described();
    command.build();
    write_help(&mut command, "sockeye", &help)?;
    Ok(Exit::Done)
}

fn described() -> clap::Command {
    args::describe().term_width(WIDTH).disable_help_subcommand(true)
}

/// The end of a page has lines of its own making, and begins with examples: clap's generator knows neither.
fn lay_out(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let page = fs::read_to_string(&path)?.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n");
        fs::write(path, page.replace("\n.SH VERSION\n", "\n.fi\n.SH VERSION\n"))?;
    }
    Ok(())
}

fn write_help(command: &mut clap::Command, name: &str, directory: &Path) -> Result<(), Trouble> {
    let path = directory.join(format!("{name}.txt"));
    fs::write(&path, command.render_long_help().to_string())
        .map_err(|source| Trouble::file("write", &path, source))?;
    let visible = command.get_subcommands_mut().filter(|sub| !sub.is_hide_set());
    for sub in visible {
        let name = format!("{name}-{}", sub.get_name());
        write_help(sub, &name, directory)?;
    }
    Ok(())
}
