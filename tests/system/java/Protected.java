// Reads a protected column with pgjdbc: simple mode, extended, server-prepared from the first execution, binary, fetch size.
// Arguments: host, port, database, user, token, path of the root certificate or "-". Prints lines that test_jdbc.py checks.
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

public class Protected {
    static Connection connect(String[] to, String name, String value) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", to[3]);
        properties.setProperty("password", to[4]);
        if (to[5].equals("-")) {
            properties.setProperty("sslmode", "disable");
        } else {
            properties.setProperty("sslmode", "verify-ca");
            properties.setProperty("sslrootcert", to[5]);
        }
        properties.setProperty(name, value);
        return DriverManager.getConnection("jdbc:postgresql://" + to[0] + ":" + to[1] + "/" + to[2], properties);
    }

    static void show(String label, ResultSet rows) throws SQLException {
        int columns = rows.getMetaData().getColumnCount();
        StringBuilder line = new StringBuilder(label);
        while (rows.next()) {
            for (int column = 1; column <= columns; column++) {
                line.append('|').append(rows.getString(column));
            }
        }
        System.out.println(line);
    }

    public static void main(String[] to) throws Exception {
        String text = "SELECT id, ssn, city FROM patients WHERE id = ?";
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            try (Connection connection = connect(to, "preferQueryMode", mode)) {
                for (int round = 0; round < 7; round++) { // prepared on the server after five
                    try (PreparedStatement statement = connection.prepareStatement(text)) {
                        statement.setInt(1, 1);
                        show(mode, statement.executeQuery());
                    }
                }
            }
        }
        try (Connection connection = connect(to, "prepareThreshold", "-1"); // binary results from the first execution
             PreparedStatement statement = connection.prepareStatement("SELECT * FROM patients ORDER BY id")) {
            show("binary", statement.executeQuery());
            show("binary", statement.executeQuery());
        }
        try (Connection connection = connect(to, "defaultRowFetchSize", "1")) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                show("fetched", statement.executeQuery("SELECT id, ssn FROM patients ORDER BY id"));
                show("tables", connection.getMetaData().getTables(null, "shadow", "%", new String[] {"TABLE"}));
            }
            connection.commit();
        }
        try (Connection connection = connect(to, "ApplicationName", "nightly"); Statement statement = connection.createStatement()) {
            try {
                statement.execute("TRUNCATE plain");
                System.out.println("refusal|none");
            } catch (SQLException error) {
                System.out.println("refusal|" + error.getSQLState() + "|" + error.getMessage().replace('\n', ' '));
            }
            show("after", statement.executeQuery("SELECT id, label, amount FROM plain ORDER BY id"));
            try (PreparedStatement insert = connection.prepareStatement("INSERT INTO parents VALUES (?)")) {
                for (int id = 920; id < 930; id++) {
                    insert.setInt(1, id);
                    insert.addBatch();
                }
                System.out.println("batch|" + insert.executeBatch().length);
            }
            System.out.println("deleted|" + statement.executeUpdate("DELETE FROM parents WHERE id >= 920"));
        }
    }
}
