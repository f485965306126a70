/// A setting of a configuration file.
struct Setting {
  /// The option, in kebab-case.
  let name: String
  /// The key as written.
  let key: String
  /// Its line in the file, from 1.
  let line: Int
  /// The value as an option takes it.
  let value: String

  /// The setting as a command-line argument.
  var argument: String { "--\(name)=\(value)" }
}
